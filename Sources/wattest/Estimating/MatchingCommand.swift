import ArgumentParser
import Emissions
import Energy
import JSONText

extension EstimateCommand {
    /// `wattest estimate matching`
    struct Matching: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "matching",
            abstract: "Scope 2 with contracts: annual and hourly matching of a load with its supply, side by side.")

        @OptionGroup var options: ServerOptions

        @Option(help: ArgumentHelp("Load of each hour in MWh: 10,20,30.", valueName: "list"))
        var loadMwh: DecimalList
        @Option(help: ArgumentHelp("Contracted supply of the same hours in MWh.", valueName: "list"))
        var supplyMwh: DecimalList
        @Option(help: ArgumentHelp("Factor of what no contract covers.", valueName: "g"))
        var residualGPerKwh: Decimal
        @Option(help: ArgumentHelp("Factor of the contracted supply.", valueName: "g"))
        var supplyGPerKwh: Decimal?

        func run() throws {
            guard loadMwh.figures.count == supplyMwh.figures.count, loadMwh.figures.count <= 8760 else {
                throw CommandFailure.usage(
                    "\(loadMwh.figures.count) hours of load and \(supplyMwh.figures.count) of supply",
                    "give one value for each hour, at most a year")
            }
            show(try result())
        }

        /// What is printed with `--json`.
        func json() throws -> JSONValue { Self.json(try result()) }

        private func result() throws -> MarketBased {
            let loads = try loadMwh.figures.map { try Self.microjoules($0) }
            let supply = try supplyMwh.figures.map { try Self.microjoules($0) }
            let contract = Instrument(
                id: "supply", kind: .other, certificateIDs: ["supply"], market: "M",
                vintage: UTCInterval(start: UTCTime(hour: 0), end: UTCTime(hour: 8760)),
                volume: .hourly(Dictionary(uniqueKeysWithValues: supply.enumerated().map { (Int64($0), $1) })),
                retiredFor: "", microgramsPerKilowattHour: try Self.micrograms(supplyGPerKwh?.figure ?? .zero),
                documentSHA256: "")
            let residual = GridFactor(
                zone: "M", period: .year(1970), microgramsPerKilowattHour: try Self.micrograms(residualGPerKwh.figure),
                published: "\(residualGPerKwh.figure.text) g/kWh")
            let source = FactorSource(
                provider: "stated", dataset: "residual mix", version: "", licence: "", citation: "", fileSHA256: "")
            let file = try FactorFile(source: source, basis: FactorBasis(scope: .direct), factors: [residual])
            return try MarketBased(
                cells: loads.enumerated().map { hour, energy in
                    SupplyCell(hour: Int64(hour), zone: "Z", market: "M", units: energy * SupplyCell.unitsPerMicrojoule)
                },
                instruments: [contract], residual: .factors(try FactorSet(files: [file])),
                gridFactors: try FactorSet(files: []))
        }

        private static func microjoules(_ megawattHours: DecimalFigure) throws -> Int128 {
            guard megawattHours >= .zero, let units = megawattHours.exactUnits(decimals: 9) else {
                throw CommandFailure.usage(
                    "\(megawattHours.text) MWh is below zero or finer than a milliwatt-hour", "correct the list")
            }
            return Int128(units) * (Unit.microjoulesPerKilowattHour / 1_000_000)
        }

        private static func micrograms(_ grams: DecimalFigure) throws -> Int64 {
            guard let units = grams.exactUnits(decimals: 6), units >= 0 else {
                throw CommandFailure.usage("\(grams.text) g/kWh is no factor", "give at most six decimals")
            }
            return units
        }

        private static func tonnes(_ figure: MarketBased.Figure) -> ExactRatio? { try? figure.mass?.tonnes }

        private static func json(_ result: MarketBased) -> JSONValue {
            [
                "estimated": true, "annual_matched": EstimateText.json(result.annual.matchedShare),
                "annual_t": EstimateText.json(tonnes(result.annual)),
                "hourly_matched": EstimateText.json(result.hourly.matchedShare),
                "hourly_t": EstimateText.json(tonnes(result.hourly)),
                "rests_on": ["supply is used in its own hour alone under the hourly rule, in the year otherwise"],
            ]
        }

        private func show(_ result: MarketBased) {
            guard !options.json else { return Output.json(Self.json(result)) }
            var table = TextTable(("rule", .left), ("matched", .right), ("t CO2e", .right))
            for (rule, figure) in [("annual", result.annual), ("hourly", result.hourly)] {
                table.add(rule, EstimateText.text(figure.matchedShare), EstimateText.text(Self.tonnes(figure)))
            }
            Output.text(table.text)
        }
    }

    /// `wattest estimate facility`
    struct Facility: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "facility",
            abstract: "Key figures of a data centre by Delegated Regulation (EU) 2024/1364: PUE, WUE, ERF, REF.")

        @OptionGroup var options: ServerOptions

        @Option(help: ArgumentHelp("EDC: all energy into the data centre.", valueName: "kwh"))
        var edcKwh: Decimal
        @Option(help: ArgumentHelp("EIT: energy to the IT equipment.", valueName: "kwh"))
        var eitKwh: Decimal
        @Option(help: ArgumentHelp("WIN: water in.", valueName: "m3"))
        var winM3: Decimal?
        @Option(help: ArgumentHelp("EREUSE: heat handed over.", valueName: "kwh"))
        var ereuseKwh: Decimal?
        @Option(help: ArgumentHelp("ERES-TOT: renewable energy with its guarantees cancelled.", valueName: "kwh"))
        var eresTotKwh: Decimal?
        @Option(help: ArgumentHelp("Emissions of the energy, for CUE.", valueName: "kg"))
        var co2Kg: Decimal?

        func run() throws {
            let result = try FacilityIndicators(
                .init(
                    totalKilowattHours: edcKwh.figure, equipmentKilowattHours: eitKwh.figure,
                    waterCubicMetres: winM3?.figure, reusedKilowattHours: ereuseKwh?.figure,
                    renewable: eresTotKwh.map { .init(guaranteesKilowattHours: $0.figure) },
                    carbonKilograms: co2Kg?.figure))
            let figures: [(String, ExactRatio?)] = [
                ("pue", result.powerUsageEffectiveness), ("wue_m3_per_mwh", result.waterUsageEffectiveness),
                ("erf", result.energyReuseFactor), ("ref", result.renewableEnergyFactor),
                ("cue_kg_per_kwh", result.carbonUsageEffectiveness),
            ]
            if options.json {
                var object = JSONObject()
                for (name, value) in figures { object.append(name, EstimateText.json(value)) }
                return Output.json(.object(object))
            }
            Output.text(EstimateText.lines(figures.map { ($0.0, EstimateText.text($0.1)) }))
        }
    }
}
