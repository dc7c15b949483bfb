import Emissions
import JSONText

/// Operations of training a model, by one of the two formulas of the Commission's guidelines or as stated.
struct ModelCompute: Sendable {
    let flop: ExactRatio
    let method: String

    /// Every model that jobs of the period are labelled with.
    ///
    /// - Throws: `missingInput` naming the models without figures.
    static func all(
        _ input: DisclosureInput, _ jobs: [JobSummary]
    ) throws(EmissionsError) -> [String: ModelCompute] {
        let models = Set(jobs.compactMap(\.model)).sorted()
        guard !models.isEmpty else {
            throw EmissionsError(.missingInput, "no job is labelled with a model; set \(SettingField.jobModel)")
        }
        let time = AcceleratorTime(input)
        var computed: [String: ModelCompute] = [:]
        for model in models {
            guard
                let setting = input.accounts.settings.json(
                    SettingField.modelCompute, of: model, at: input.closingTime)
            else { continue }
            computed[model] = try ModelCompute(setting, model, time, jobs.filter { $0.model == model })
        }
        let lacking = models.filter { computed[$0] == nil }
        guard lacking.isEmpty else {
            throw EmissionsError(
                .missingInput,
                "neither token and parameter counts nor a utilisation are set for \(lacking.count) of \(models.count)"
                    + " models; set \(SettingField.modelCompute)")
        }
        return computed
    }

    private init(
        _ setting: JSONValue, _ model: String, _ time: AcceleratorTime, _ jobs: [JobSummary]
    ) throws(EmissionsError) {
        if let flop = try SiteWater.figure(setting["flop"]) {
            self.flop = flop.ratio
            method = setting["method"]?.string ?? "as stated by the organization"
            return
        }
        if let parameters = try SiteWater.figure(setting["parameters"]),
            let tokens = try SiteWater.figure(setting["tokens"])
        {
            flop = try TrainingCompute.byArchitecture(parameters: parameters, tokens: tokens)
            method = "6 × \(parameters.text) parameters × \(tokens.text) tokens, dense transformer"
            return
        }
        guard let utilisation = try SiteWater.figure(setting["utilisation"]),
            let peak = try SiteWater.figure(setting["peak_flop_per_s"])
        else {
            throw EmissionsError(
                .missingInput,
                "\(SettingField.modelCompute): give flop, or parameters and tokens, or utilisation and peak_flop_per_s")
        }
        guard let devices = time.milliseconds(of: jobs) else {
            throw EmissionsError(
                .missingInput,
                "operations by hardware need the accelerators of the nodes; set "
                    + SettingField.nodeAccelerators)
        }
        let seconds = try ExactRatio(devices.values.reduce(0, +), over: 1000)
        flop = try TrainingCompute.byHardware(
            deviceSeconds: seconds, peakFlopPerSecond: peak, utilisation: utilisation)
        method =
            "device-seconds × \(peak.text) FLOP/s × utilisation \(utilisation.text), "
            + (setting["kind"]?.string ?? "kind of utilisation not stated")
    }

    static func json(_ models: [String: ModelCompute]) throws(EmissionsError) -> JSONValue {
        var sum = ExactRatio.zero
        var methods: [String] = []
        var byModel = JSONObject()
        for (model, compute) in models.sorted(by: { $0.key < $1.key }) {
            sum = try sum + compute.flop
            if !methods.contains(compute.method) { methods.append(compute.method) }
            byModel.append(model, .string(try compute.flop.rounded(decimals: 0).text))
        }
        return [
            "flop": .string(try sum.rounded(decimals: 0).text), "method": .string(methods.joined(separator: "; ")),
            "by_model": .object(byModel),
        ]
    }
}
