import Energy
import JSONText
import Workloads

/// The holds on this node as the next run of the agent needs them: those that are still there then, in the same boot,
/// held it all the time.
struct WorkRecord: Sendable, Hashable {
    struct Hold: Sendable, Hashable {
        var known: SlurmWatch.Known
        var workload: Workload?
        var cpuMicroseconds: Int64
        var isActive: Bool
    }

    var boot: String
    var holds: [Hold]

    init(boot: String, holds: [Hold]) {
        self.boot = boot
        self.holds = holds
    }

    var bytes: [UInt8] {
        let value: JSONValue = ["boot": .string(boot), "holds": .array(holds.map(Self.json))]
        return value.rendered()
    }

    /// nil when the bytes are no record: nothing is proven then.
    init?(bytes: [UInt8]) {
        guard let json = try? JSONValue(parsing: bytes), let boot = json["boot"]?.string,
            let holds = json["holds"]?.array
        else { return nil }
        self.boot = boot
        self.holds = holds.compactMap(Self.hold)
    }

    private static func json(_ hold: Hold) -> JSONValue {
        [
            "job": .decimalString(hold.known.job), "since_us": .decimalString(hold.known.since.microseconds),
            "hook": .bool(hold.known.hasHook), "cpu_us": .decimalString(hold.cpuMicroseconds),
            "active": .bool(hold.isActive), "node": hold.known.group?.node.map { .string($0) } ?? .null,
            "group": hold.known.group.map { .string("\($0.identity)") } ?? .null,
            "workload": hold.workload.map(json) ?? .null,
        ]
    }

    private static func hold(_ json: JSONValue) -> Hold? {
        guard let job = json["job"]?.decimalString, let since = json["since_us"]?.decimalString,
            let hook = json["hook"]?.bool, let cpu = json["cpu_us"]?.decimalString, let active = json["active"]?.bool
        else { return nil }
        var known = SlurmWatch.Known(token: "", job: job, since: UTCTime(microseconds: since))
        known.hasHook = hook
        if let identity = json["group"]?.string.flatMap({ UInt64($0) }) {
            known.group = SlurmGroups.Job(id: job, directories: [], identity: identity, node: json["node"]?.string)
        }
        return Hold(
            known: known, workload: json["workload"].flatMap(workload), cpuMicroseconds: cpu, isActive: active)
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
