import Accounts
import Batches
import Emissions
import Energy
import JSONText

/// Water, embodied emissions, computation and uncertainty: what follows from the energy and from what is set about
/// sites, hardware, models and meters. What is not set is null and says which setting it lacks.
struct ResourceSection {
    let water: JSONValue
    let embodied: JSONValue
    let compute: JSONValue
    /// Of each model, or why it has none.
    let computeByModel: [String: Result<ModelCompute, EmissionsError>]
    private let uncertainty: MeterUncertainty
    private let total: Int128
    private(set) var missing: [(field: String, reason: String)] = []

    init(
        _ input: DisclosureInput, jobs: [JobSummary], energy: EnergySection, uncertainty: MeterUncertainty,
        sums: PeriodSums
    ) {
        var missing: [(field: String, reason: String)] = []
        func figure(_ field: String, _ body: () throws(EmissionsError) -> JSONValue) -> JSONValue {
            do throws(EmissionsError) {
                return try body()
            } catch {
                missing.append((field, error.message))
                return .null
            }
        }
        let sites = SiteSettings(settings: input.accounts.settings, period: input.period)
        total = energy.inside.total
        self.uncertainty = uncertainty
        water = figure("water") { () throws(EmissionsError) in try SiteWater.json(input, sites, sums.cells) }
        embodied = figure("embodied") { () throws(EmissionsError) in
            try NodeEmbodied.json(input, sites, sums.ownHours) { node, span in
                guard let number = input.accounts.ledger.nodes.firstIndex(of: node) else { return 0 }
                return PeriodSums(input.accounts, period: span, ofNode: Int32(number)).ownHours[node] ?? 0
            }
        }
        let models = ModelCompute.all(input, jobs)
        let flop = figure("compute.flop") { () throws(EmissionsError) in try ModelCompute.json(models) }
        computeByModel = models
        let known = (try? ModelCompute.byModel(models)) ?? [:]
        compute = flop.isNull ? ["flop": .null, "method": .null, "by_model": known] : flop
        if let reason = uncertainty.missing { missing.append(("uncertainty.relative_k2", reason)) }
        self.missing = missing
    }

    var uncertaintyJSON: JSONValue { uncertainty.json }

    /// Water follows from the energy, and from figures whose own uncertainty nobody states.
    var borneWater: JSONValue {
        borne.members(["litres"], in: "sites", of: borne.members(["cubic_metres"], of: water))
    }

    /// How many figures the organization's energy bears; nil when its uncertainty is not known.
    var significantFigures: Int? { significantFigures(of: total) }

    func significantFigures(of microjoules: Int128) -> Int? {
        (try? ExactRatio.megawattHours(microjoules: microjoules)).flatMap { borne.count(of: $0) }
    }

    /// What follows from the energy has no more digits than that bears.
    var borne: BorneFigures { uncertainty.borne }

    /// - Parameter printed: the figures that follow from the energy, as the report shows them.
    func checks(printed: [(name: String, value: JSONValue)]) -> [SelfCheck] {
        guard let relative = uncertainty.json["relative_k2"]?.number?.double else { return [] }
        return printed.compactMap { name, value in
            guard let text = value.number?.text, let figure = try? DecimalFigure(parsing: text), figure != .zero else {
                return nil
            }
            return .figures(
                name, printed: Self.significant(text), value: figure.ratio, relativeExpanded: relative)
        }
    }

    /// Significant figures of a printed number, counting no zeros at either end.
    static func significant(_ text: String) -> Int {
        let digits = text.filter(\.isNumber).drop { $0 == "0" }
        var count = digits.count
        if !text.contains(".") {
            for digit in digits.reversed() {
                guard digit == "0" else { break }
                count -= 1
            }
        }
        return max(1, count)
    }
}
