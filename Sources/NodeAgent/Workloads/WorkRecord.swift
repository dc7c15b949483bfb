import Energy
import JSONText
import Workloads

/// The holds on this node as the next run of the agent needs them: it looks which of them are still there, and tells
/// the end of the others.
struct WorkRecord: Sendable, Hashable {
    /// One of a scheduler.
    struct Hold: Sendable, Hashable {
        var token: String
        var since: UTCTime
        /// In Slurm; nil for a pod and for a hold that ended.
        var known: SlurmWatch.Known?
        var workload: Workload?
        var cpuMicroseconds: Int64 = 0
        var isActive = false
        /// It ended, and the log may not have been told.
        var end: UTCTime?
    }

    var boot: String
    /// When it was written: what stands in it without an end held the node then.
    var written: UTCTime
    var holds: [Hold]
    var claims: [Claim]

    static let maximumBytes = 16 << 20

    init(boot: String, written: UTCTime, holds: [Hold], claims: [Claim] = []) {
        self.boot = boot
        self.written = written
        self.holds = holds
        self.claims = claims
    }

    var bytes: [UInt8] {
        let value: JSONValue = [
            "boot": .string(boot), "written_us": .decimalString(written.microseconds),
            "holds": .array(holds.map(Self.json)), "claims": .array(claims.map(\.json)),
        ]
        return value.rendered()
    }

    /// nil when the bytes are no record: nothing is proven then.
    init?(bytes: [UInt8]) {
        guard let json = try? JSONValue(parsing: bytes), let boot = json["boot"]?.string,
            let written = json["written_us"]?.decimalString, let holds = json["holds"]?.array,
            let claims = json["claims"]?.array
        else { return nil }
        self.boot = boot
        self.written = UTCTime(microseconds: written)
        self.holds = holds.compactMap(Self.hold)
        self.claims = claims.compactMap { Claim($0) }
    }

    private static func json(_ hold: Hold) -> JSONValue {
        [
            "token": .string(hold.token), "since_us": .decimalString(hold.since.microseconds),
            "job": json(hold.known?.job), "hook": .bool(hold.known?.hasHook ?? false),
            "cpu_us": .decimalString(hold.cpuMicroseconds), "active": .bool(hold.isActive),
            "node": hold.known?.group?.node.map { .string($0) } ?? .null,
            "group": hold.known?.group.map { .string("\($0.identity)") } ?? .null,
            "workload": hold.workload.map(json) ?? .null, "end_us": json(hold.end?.microseconds),
        ]
    }

    private static func hold(_ json: JSONValue) -> Hold? {
        guard let token = json["token"]?.string, let since = json["since_us"]?.decimalString,
            let hook = json["hook"]?.bool, let cpu = json["cpu_us"]?.decimalString, let active = json["active"]?.bool
        else { return nil }
        var hold = Hold(
            token: token, since: UTCTime(microseconds: since), workload: json["workload"].flatMap(workload),
            cpuMicroseconds: cpu, isActive: active, end: json["end_us"]?.decimalString.map { .init(microseconds: $0) })
        guard let job = json["job"]?.decimalString else { return hold }
        var known = SlurmWatch.Known(token: token, job: job, since: hold.since)
        known.hasHook = hook
        if let identity = json["group"]?.string.flatMap({ UInt64($0) }) {
            known.group = SlurmGroups.Job(id: job, directories: [], identity: identity, node: json["node"]?.string)
        }
        hold.known = known
        return hold
    }

    private static func json(_ workload: Workload) -> JSONValue {
        [
            "cluster": .string(workload.identity.cluster), "scheduler": .string(workload.identity.scheduler),
            "id": .string(workload.identity.id), "submit": json(workload.identity.submitSeconds),
            "attempt": .decimalString(workload.attempt),
            "devices": .array(
                workload.devices.map {
                    switch $0 {
                    case .number(let number): .integer(number)
                    case .identity(let identity): .string(identity)
                    }
                }),
            "millicores": .decimalString(workload.reservedMillicores), "exclusive": .bool(workload.isExclusive),
            "expected": json(workload.expectedNodes), "nodes": .array(workload.nodes.map { .string($0) }),
            "rank": json(workload.rank), "start": json(workload.startSeconds),
            "labels": .array(
                workload.labels.sorted { $0.key < $1.key }.map { .array([.string($0.key), .string($0.value)]) }),
        ]
    }

    private static func json(_ number: Int64?) -> JSONValue { number.map { .decimalString($0) } ?? .null }

    private static func workload(_ json: JSONValue) -> Workload? {
        guard let cluster = json["cluster"]?.string, let scheduler = json["scheduler"]?.string,
            let id = json["id"]?.string, let millicores = json["millicores"]?.decimalString
        else { return nil }
        var workload = Workload(
            identity: WorkloadIdentity(
                cluster: cluster, scheduler: scheduler, id: id, submitSeconds: json["submit"]?.decimalString))
        workload.attempt = json["attempt"]?.decimalString ?? 0
        workload.devices = (json["devices"]?.array ?? []).compactMap { device in
            device.string.map { .identity($0) } ?? device.int64.map { .number(Int(clamping: $0)) }
        }
        workload.reservedMillicores = millicores
        workload.isExclusive = json["exclusive"]?.bool ?? false
        workload.expectedNodes = json["expected"]?.decimalString
        workload.nodes = (json["nodes"]?.array ?? []).compactMap(\.string)
        workload.rank = json["rank"]?.decimalString
        workload.startSeconds = json["start"]?.decimalString
        for pair in json["labels"]?.array ?? [] {
            if let both = pair.array, both.count == 2, let name = both[0].string {
                workload.labels[name] = both[1].string
            }
        }
        return workload
    }
}
