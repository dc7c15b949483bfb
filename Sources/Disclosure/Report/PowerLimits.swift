import Accounts
import Batches
import Emissions
import Energy
import JSONText

/// Whether the mean power of every node and of the accelerators of every job stays below what their makers allow.
///
/// Counters that jump, a sensor read in the wrong unit and a node counted twice all show here first.
struct PowerLimits {
    /// A board's meter may read so many percent high before its figure is called impossible.
    static let toleratedPercent: Int128 = 5

    private let settings: SettingRegister
    private let time: UTCTime
    /// Of the nodes that were asked for, which are the same few in all jobs.
    private var nodeWatts: [String: Int128?] = [:]
    private var acceleratorWatts: [String: Int128?] = [:]
    private var compared = 0
    private var uncompared = 0
    private var excesses: [String] = []

    init(_ input: DisclosureInput, jobs: [JobSummary]) {
        settings = input.accounts.settings
        time = input.closingTime
        for job in jobs {
            for node in job.nodes where node.kind == .node { compare(node, of: job) }
            compareAccelerators(of: job)
        }
    }

    var check: SelfCheck {
        var detail = "\(compared) mean powers compared with nameplates, \(uncompared) without one"
        if !excesses.isEmpty {
            detail += "; above: " + excesses.prefix(3).joined(separator: ", ")
            if excesses.count > 3 { detail += " and \(excesses.count - 3) more" }
        }
        return SelfCheck(id: "power", passed: excesses.isEmpty, detail: detail)
    }

    private mutating func compare(_ node: JobSummary.NodeShare, of job: JobSummary) {
        guard let energy = node.energyMicrojoules, energy > 0 else { return }
        guard let watts = nameplate(of: node.node) else {
            uncompared += 1
            return
        }
        compare("node \(node.node)", energy, limitMicrojoules: watts * Int128(Self.milliseconds(node)) * 1000)
    }

    /// All accelerators of a job together: what each drew is not kept by node.
    private mutating func compareAccelerators(of job: JobSummary) {
        guard let energy = job.energy.byComponent[.accelerator], energy > 0 else { return }
        var limit: Int128 = 0
        for node in job.nodes where node.kind == .node {
            guard let watts = accelerators(of: node.node) else {
                uncompared += 1
                return
            }
            limit += watts * Int128(Self.milliseconds(node)) * 1000
        }
        compare("accelerators of \(job.record?.key.description ?? job.pseudonym)", energy, limitMicrojoules: limit)
    }

    private mutating func nameplate(of node: String) -> Int128? {
        if let known = nodeWatts[node] { return known }
        let value =
            settings.json(SettingField.nodeNameplate, of: node, at: time)
            ?? settings.json(SettingField.nodeNameplate, of: nil, at: time)
        nodeWatts[node] = .some(Self.watts(value))
        return Self.watts(value)
    }

    /// Watts of all accelerators of a node together.
    private mutating func accelerators(of node: String) -> Int128? {
        if let known = acceleratorWatts[node] { return known }
        let value =
            settings.json(SettingField.nodeAccelerators, of: node, at: time)
            ?? settings.json(SettingField.nodeAccelerators, of: nil, at: time)
        var watts: Int128?
        if let count = value?["count"]?.int64, (0...1024).contains(count) {
            watts = Self.watts(value?["watts"]) ?? Self.nameplateWatts(value?["model"]?.string)
            watts = watts.map { $0 * Int128(count) }
        }
        acceleratorWatts[node] = .some(watts)
        return watts
    }

    /// Time of which something is known; what was drawn in a hole without readings is in no figure.
    private static func milliseconds(_ node: JobSummary.NodeShare) -> Int64 {
        max(0, node.time.measured &+ node.time.bridged)
    }

    /// - Parameter limitMicrojoules: watts × milliseconds × 1000.
    private mutating func compare(_ name: String, _ energy: Int128, limitMicrojoules: Int128) {
        compared += 1
        guard energy > limitMicrojoules * (100 + Self.toleratedPercent) / 100 else { return }
        let share = Figure.text(energy, limitMicrojoules, decimals: 2).map { "\($0) times its limit" }
        excesses.append("\(name): \(share ?? "energy without time")")
    }

    /// Watts as a number, or as `watts` of an object.
    private static func watts(_ value: JSONValue?) -> Int128? {
        guard let watts = value?.int64 ?? value?["watts"]?.int64, (1...1_000_000).contains(watts) else { return nil }
        return Int128(watts)
    }

    private static func nameplateWatts(_ model: String?) -> Int128? {
        model.flatMap { DeviceNameplate.named($0) }?.watts.exactUnits(decimals: 0).map { Int128($0) }
    }
}
