import Emissions
import JSONText

/// Operations of training a model, by one of the two formulas of the Commission's guidelines or as stated.
struct ModelCompute: Sendable {
    let flop: ExactRatio
    let method: String

    /// The models that jobs of the period are labelled with: the operations of each, or why there are none. What one
    /// model lacks takes nothing away from the others.
    static func all(_ input: DisclosureInput, _ jobs: [JobSummary]) -> [String: Result<ModelCompute, EmissionsError>] {
        let time = AcceleratorTime(input)
        var computed: [String: Result<ModelCompute, EmissionsError>] = [:]
        for (model, jobs) in Dictionary(grouping: jobs.filter { $0.model != nil }, by: { $0.model ?? "" }) {
            guard
                let setting = input.accounts.settings.json(
                    SettingField.modelCompute, of: model, at: input.closingTime)
            else {
                computed[model] = .failure(
                    EmissionsError(
                        .missingInput, "no operations are set for the model; set \(SettingField.modelCompute)"))
                continue
            }
            computed[model] = Result { () throws(EmissionsError) in try ModelCompute(setting, time, jobs) }
        }
        return computed
    }

    private init(
        _ setting: JSONValue, _ time: AcceleratorTime, _ jobs: [JobSummary]
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

    /// The sum over all models.
    ///
    /// - Throws: `missingInput` when a model has no figure: a part is never passed off as the whole.
    static func json(_ models: [String: Result<ModelCompute, EmissionsError>]) throws(EmissionsError) -> JSONValue {
        guard !models.isEmpty else {
            throw EmissionsError(.missingInput, "no job is labelled with a model; set \(SettingField.jobModel)")
        }
        let faults = models.sorted { $0.key < $1.key }.compactMap { $0.value.fault }
        if let fault = faults.first {
            throw EmissionsError(.missingInput, "\(faults.count) of \(models.count) models: \(fault.message)")
        }
        var sum = ExactRatio.zero
        var methods: [String] = []
        for (_, compute) in models.sorted(by: { $0.key < $1.key }) {
            let compute = try compute.get()
            sum = try sum + compute.flop
            if !methods.contains(compute.method) { methods.append(compute.method) }
        }
        return [
            "flop": .string(try sum.rounded(decimals: 0).text), "method": .string(methods.joined(separator: "; ")),
            "by_model": try byModel(models),
        ]
    }

    /// Of the models that have a figure.
    static func byModel(_ models: [String: Result<ModelCompute, EmissionsError>]) throws(EmissionsError) -> JSONValue {
        var byModel = JSONObject()
        for (model, compute) in models.sorted(by: { $0.key < $1.key }) {
            guard case .success(let compute) = compute else { continue }
            byModel.append(model, .string(try compute.flop.rounded(decimals: 0).text))
        }
        return .object(byModel)
    }
}

extension Result {
    fileprivate var fault: Failure? { if case .failure(let fault) = self { fault } else { nil } }
}
