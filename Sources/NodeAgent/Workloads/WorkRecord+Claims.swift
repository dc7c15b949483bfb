import Batches
import Energy
import JSONText

extension WorkRecord {
    /// A process that holds the node for a job: one that said so over the socket, a launcher's, or one that was found
    /// on a GPU.
    struct Claim: Sendable, Hashable {
        enum Origin: String, Sendable, Hashable, CaseIterable { case socket, launcher, gpu }

        /// Its `since` is that of the job's hold.
        var claim: AllocationBook.Claim
        var origin: Origin
        /// Devices that processes of the job were seen on.
        var seen: [String] = []
        /// The job's hold ended, and the log may not have been told.
        var end: UTCTime?

        var json: JSONValue {
            let request = claim.request
            return [
                "origin": .string(origin.rawValue), "key": .string(request.key.description),
                "mode": .string(request.mode.rawValue), "devices": .array(request.devices.map { .string($0) }),
                "millicores": .decimalString(request.reservedMillicores),
                "expected": Self.json(request.expectedNodes), "rank": Self.json(request.rank),
                "attempt": .decimalString(request.attempt),
                "labels": .array(
                    request.labels.sorted { $0.key < $1.key }.map { .array([.string($0.key), .string($0.value)]) }),
                "job": .string(claim.pseudonym), "root": Self.json(claim.root), "holder": Self.json(claim.holder),
                "uid": .integer(Int(claim.uid)), "group": claim.controlGroup.map { .string($0) } ?? .null,
                "since_us": .decimalString(claim.since.microseconds), "seen": .array(seen.map { .string($0) }),
                "end_us": Self.json(end?.microseconds),
            ]
        }

        init(claim: AllocationBook.Claim, origin: Origin, seen: [String] = [], end: UTCTime? = nil) {
            self.claim = claim
            self.origin = origin
            self.seen = seen
            self.end = end
        }

        /// nil when it is something else.
        init?(_ json: JSONValue) {
            guard let origin = json["origin"]?.string.flatMap(Origin.init(rawValue:)),
                let key = json["key"]?.string.flatMap({ JobKey($0) }),
                let mode = json["mode"]?.string.flatMap(ClaimRequest.AllocationMode.init(rawValue:)),
                let millicores = json["millicores"]?.decimalString, let job = json["job"]?.string,
                let root = json["root"].flatMap(Self.root), let holder = json["holder"].flatMap(Self.root),
                let uid = json["uid"]?.int64.flatMap({ UInt32(exactly: $0) }),
                let since = json["since_us"]?.decimalString
            else { return nil }
            var request = ClaimRequest(key: key)
            request.mode = mode
            request.devices = (json["devices"]?.array ?? []).compactMap(\.string)
            request.reservedMillicores = millicores
            request.expectedNodes = json["expected"]?.decimalString
            request.rank = json["rank"]?.decimalString
            request.attempt = json["attempt"]?.decimalString ?? 0
            for pair in json["labels"]?.array ?? [] {
                if let both = pair.array, both.count == 2, let name = both[0].string {
                    request.labels[name] = both[1].string
                }
            }
            claim = AllocationBook.Claim(
                request: request, pseudonym: job, root: root, holder: holder, uid: uid,
                controlGroup: json["group"]?.string, since: UTCTime(microseconds: since))
            self.origin = origin
            seen = (json["seen"]?.array ?? []).compactMap(\.string)
            end = json["end_us"]?.decimalString.map { UTCTime(microseconds: $0) }
        }

        private static func json(_ number: Int64?) -> JSONValue { number.map { .decimalString($0) } ?? .null }

        private static func json(_ root: ProcessTree.Root) -> JSONValue {
            ["pid": .integer(Int(root.pid)), "start": .string("\(root.startTicks)")]
        }

        private static func root(_ json: JSONValue) -> ProcessTree.Root? {
            guard let pid = json["pid"]?.int64.flatMap({ Int32(exactly: $0) }),
                let start = json["start"]?.string.flatMap({ UInt64($0) })
            else { return nil }
            return ProcessTree.Root(pid: pid, startTicks: start)
        }
    }
}
