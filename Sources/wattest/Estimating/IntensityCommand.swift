import ArgumentParser
import Emissions
import JSONText

extension EstimateCommand {
    /// `wattest estimate sci`
    struct Intensity: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sci",
            abstract: "Carbon intensity of making a model, ((E · I) + M) / R of ISO/IEC 21031, as SCI for AI asks.")

        @OptionGroup var options: ServerOptions

        // Under names that 'estimate' itself does not have: it would take them first.
        @Option(help: ArgumentHelp("E: energy of all design and development, with cooling.", valueName: "kwh"))
        var energyKwh: Decimal
        @Option(help: ArgumentHelp("I: location-based grid factor.", valueName: "g"))
        var gPerKwh: Decimal
        @Option(help: ArgumentHelp("M: embodied emissions, the share of this use.", valueName: "kg"))
        var embodiedKg: Decimal
        @Option(help: "The functional unit: flop, training-token or parameter.")
        var per: Unit
        @Option(help: ArgumentHelp("R: how many of them.", valueName: "n"))
        var count: Decimal
        @Option(help: "Whether R counts everything or what had an effect: gross or effective.")
        var counting: Counting = .gross
        @Option(help: "Why this unit, which the specification asks to be said.")
        var rationale: String

        enum Unit: String, ExpressibleByArgument, CaseIterable {
            case flop
            case trainingToken = "training-token"
            case parameter

            var unit: SoftwareCarbonIntensity.FunctionalUnit {
                switch self {
                case .flop: .floatingPointOperation
                case .trainingToken: .trainingToken
                case .parameter: .parameter
                }
            }
        }

        enum Counting: String, ExpressibleByArgument, CaseIterable {
            case gross
            case effective
        }

        func run() throws {
            let rate = try self.rate()
            if options.json { return Output.json(Self.json(rate)) }
            Output.text(
                EstimateText.lines([
                    ("SCI", "\(EstimateText.text(rate.gramsPerUnit)) g CO2e per \(rate.unit.rawValue)"),
                    ("counted", rate.counting.rawValue), ("because", rate.rationale),
                ]))
        }

        func rate() throws(EmissionsError) -> SoftwareCarbonIntensity {
            for (name, value) in [("E", energyKwh), ("I", gPerKwh), ("M", embodiedKg)] where value.figure < .zero {
                throw EmissionsError(.outOfRange, "\(name) is below zero")
            }
            guard count.figure > .zero else { throw EmissionsError(.outOfRange, "R must be above zero") }
            return try SoftwareCarbonIntensity(
                operationalGrams: energyKwh.figure.ratio * gPerKwh.figure,
                embodiedGrams: embodiedKg.figure.ratio * DecimalFigure(1000), units: count.figure, unit: per.unit,
                counting: counting == .gross ? .gross : .effective, rationale: rationale)
        }

        static func json(_ rate: SoftwareCarbonIntensity) -> JSONValue {
            [
                "estimated": true, "g_co2e_per_unit": EstimateText.json(rate.gramsPerUnit),
                "unit": .string(rate.unit.rawValue), "counting": .string(rate.counting.rawValue),
                "rationale": .string(rate.rationale),
            ]
        }
    }
}
