import Accounts
import Batches
import Emissions
import Energy
import JSONText

/// Device-time of jobs by the model of accelerator, from what is set about nodes: allocated node-time × accelerators.
struct AcceleratorTime {
    private struct Held {
        var model: String
        var count: Int64
    }

    private let input: DisclosureInput
    /// By the nodes that the log knows; nil where they are not set.
    private let known: [String: Held?]

    init(_ input: DisclosureInput) {
        self.input = input
        known = input.accounts.nodes.members.mapValues { Self.held(by: $0.name, input) }
    }

    private static func held(by node: String, _ input: DisclosureInput) -> Held? {
        let settings = input.accounts.settings
        let setting =
            settings.json(SettingField.nodeAccelerators, of: node, at: input.closingTime)
            ?? settings.json(SettingField.nodeAccelerators, of: nil, at: input.closingTime)
        guard let model = setting?["model"]?.string, let count = setting?["count"]?.int64, (0...1024).contains(count)
        else { return nil }
        return Held(model: model, count: count)
    }

    /// Milliseconds of devices by model; nil when the accelerators of a node of these jobs are not set.
    func milliseconds(of jobs: [JobSummary]) -> [String: Int128]? {
        var sums: [String: Int128] = [:]
        for job in jobs {
            for node in job.nodes where node.kind == .node {
                guard let held = known[node.node] ?? Self.held(by: node.node, input) else { return nil }
                guard held.count > 0 else { continue }
                sums[held.model, default: 0] += Int128(node.time.allocated) * Int128(held.count)
            }
        }
        return sums
    }

    func json(of jobs: [JobSummary]) -> JSONValue {
        guard let sums = milliseconds(of: jobs) else { return .null }
        var object = JSONObject()
        for (model, milliseconds) in sums.sorted(by: { $0.key < $1.key }) {
            object.append(model, .decimalString(milliseconds / 1000))
        }
        return .object(object)
    }
}
