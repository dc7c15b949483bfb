import Accounts
import Batches
import Emissions
import Energy
import JSONText

/// Device-time of jobs by the model of accelerator, from what is set about nodes: allocated node-time × accelerators.
struct AcceleratorTime {
    private let input: DisclosureInput

    init(_ input: DisclosureInput) { self.input = input }

    /// Milliseconds of devices by model; nil when the accelerators of a node of these jobs are not set.
    func milliseconds(of jobs: [JobSummary]) -> [String: Int128]? {
        var sums: [String: Int128] = [:]
        for job in jobs {
            for node in job.nodes where node.kind == .node {
                guard let setting = value(node.node), let model = setting["model"]?.string,
                    let count = setting["count"]?.int64, (0...1024).contains(count)
                else { return nil }
                guard count > 0 else { continue }
                sums[model, default: 0] += Int128(node.time.allocated) * Int128(count)
            }
        }
        return sums
    }

    private func value(_ node: String) -> JSONValue? {
        let settings = input.accounts.settings
        return settings.json(SettingField.nodeAccelerators, of: node, at: input.closingTime)
            ?? settings.json(SettingField.nodeAccelerators, of: nil, at: input.closingTime)
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
