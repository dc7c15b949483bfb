import Emissions
import Energy
import JSONText

/// A forecast with its emissions, what quality cost, and where and when it would have cost less.
struct ForecastResult {
    private let forecast: Forecast
    private let soFar: Int64
    private let source: ForecastSource
    private let pue: DecimalFigure
    private let factor: RegionFactor?
    private let quality: QualityPrice?
    private let placements: Placements?
    /// Between two reports progress is taken to run with time, so a few of them show no scatter of it.
    private let hasTimeInterval: Bool
    private var missing: [String] = []
    private var basis: [String] = []

    init(_ command: ForecastCommand, _ source: ForecastSource) throws {
        self.source = source
        let reports = try Self.reports(command, source)
        guard let units = command.of ?? reports.total else {
            throw CommandFailure.usage("how many units the job will do is not known", "give --of")
        }
        // What came after the moment of the forecast is not known to it.
        let known = reports.reports.filter { $0.elapsedMilliseconds <= source.elapsedMilliseconds }
        let marks = ProgressMark.interpolated(
            energy: source.energy, reports: known.map { ($0.elapsedMilliseconds, $0.done) })
        let reached: (elapsedMilliseconds: Int64, microjoules: Int64) = source.energy.last ?? (0, 0)
        forecast = try Forecast(marks: marks, units: units, reached: reached)
        soFar = reached.microjoules
        pue = command.pue?.figure ?? .one
        guard pue >= .one else { throw EmissionsError(.outOfRange, "PUE \(pue.text) is below 1") }
        let table = try FactorFiles(command.factors)
        factor = try Self.factor(command, table, forecast, source.start)
        quality = try Self.quality(command, known, source)
        placements = try Placements(command, forecast, start: source.start, factors: table.set, pue: pue)
        hasTimeInterval = known.count >= Self.leastReports
        basis = [
            source.origin,
            "\(known.count) report\(known.count == 1 ? "" : "s") of progress; \(forecast.marks) steps, "
                + "\(forecast.startMarks) of them the start",
        ]
        basis.append(command.pue.map { "PUE \($0.figure.text)" } ?? "no PUE: IT energy without cooling")
        if let factor {
            basis.append("\(factor.gramsPerKilowattHour.text) g CO2e/kWh" + (factor.origin.map { ", \($0)" } ?? ""))
        } else {
            missing.append("emissions: no grid factor is given")
        }
        if forecast.energyMicrojoules.interval == nil {
            missing.append("interval: fewer than three marks of progress say nothing of scatter")
        } else if !hasTimeInterval {
            missing.append("interval of the time: fewer than three reports of progress say nothing of its scatter")
        }
        if forecast.isOvertaken {
            missing.append(
                "total: since its newest report of progress the job has used more than that foretells for all of it;"
                    + " what it has used is a lower bound")
        }
        missing += placements?.missing ?? []
    }

    private static let leastReports = 3

    private static func reports(_ command: ForecastCommand, _ source: ForecastSource) throws -> ProgressReports {
        if let path = command.progress {
            guard command.done == nil else {
                throw CommandFailure.usage("--done and --progress contradict each other", "give one of them")
            }
            return try ProgressReports(path: path, start: source.start.microseconds)
        }
        guard let done = command.done else {
            throw CommandFailure.usage("how far the job has come is not known", "give --done or --progress")
        }
        return ProgressReports(done: done, elapsedMilliseconds: source.elapsedMilliseconds, total: command.of)
    }

    private static func factor(
        _ command: ForecastCommand, _ table: FactorFiles, _ forecast: Forecast, _ start: UTCTime
    ) throws -> RegionFactor? {
        if let grams = command.factorGPerKwh?.figure {
            // The placements would have the region's, beside a total by the stated one.
            guard command.region == nil else { throw CommandFailure.usage("two grid factors are given", "keep one") }
            guard grams >= .zero else { throw EmissionsError(.outOfRange, "the grid factor is below zero") }
            return RegionFactor(gramsPerKilowattHour: grams)
        }
        guard let region = command.region else { return nil }
        // The tables that the user names, over the hours that the job is expected to take, as its placements have them.
        if !command.factors.isEmpty {
            let hours = start.hour..<(start.hour + Int64(Placements.hours(of: forecast)))
            if let mean = RegionFactor(region: region, hours: hours, factors: table.set) { return mean }
        }
        return try RegionFactor(region: region, year: nil, factors: table.standard)
    }

    private static func quality(
        _ command: ForecastCommand, _ reports: [ProgressReports.Report], _ source: ForecastSource
    ) throws -> QualityPrice? {
        guard let metric = command.metric else { return nil }
        let points = [(elapsedMilliseconds: Int64(0), microjoules: Int64(0))] + source.energy
        let marks = reports.compactMap { report in
            report.figures[metric].map {
                QualityPrice.Mark(microjoules: Self.energy(points, at: report.elapsedMilliseconds), metric: $0)
            }
        }
        return try QualityPrice(marks: marks, higherIsBetter: !command.lowerIsBetter)
    }

    private static func energy(
        _ points: [(elapsedMilliseconds: Int64, microjoules: Int64)], at time: Int64
    ) -> Int64 {
        guard let upper = points.firstIndex(where: { $0.elapsedMilliseconds >= time }), upper > 0 else {
            return points.first { $0.elapsedMilliseconds >= time }?.microjoules ?? points.last?.microjoules ?? 0
        }
        let (before, after) = (points[upper - 1], points[upper])
        let span = Int128(after.elapsedMilliseconds - before.elapsedMilliseconds)
        guard span > 0 else { return after.microjoules }
        let part = Int128(after.microjoules - before.microjoules) * Int128(time - before.elapsedMilliseconds) / span
        return before.microjoules + Int64(clamping: part)
    }

    // MARK: What is printed

    private func kilowattHours(_ microjoules: Double) -> Double { microjoules / 3.6e12 * pue.double }
    private func kilograms(_ microjoules: Double) -> Double? {
        factor.map { kilowattHours(microjoules) * $0.gramsPerKilowattHour.double / 1000 }
    }

    private func quantity(
        _ quantity: Forecast.Quantity, hasInterval: Bool = true, _ convert: (Double) -> Double?
    ) -> JSONValue {
        let interval = hasInterval ? quantity.interval : nil
        return [
            "total": Self.number(convert(quantity.total)),
            "low": Self.number(interval.flatMap { convert($0.lowerBound) }),
            "high": Self.number(interval.flatMap { convert($0.upperBound) }),
            "carbontracker": Self.number(convert(quantity.proportional)),
        ]
    }

    /// Six significant figures: a forecast bears fewer.
    static func number(_ value: Double?) -> JSONValue {
        guard let value, value.isFinite, let figure = try? DecimalFigure(parsing: "\(value)"),
            let text = try? figure.ratio.rounded(significant: 6).text
        else { return .null }
        return JSONNumber(text: text).map { .number($0) } ?? .null
    }

    var json: JSONValue {
        [
            "estimated": true, "progress": Self.number(forecast.progress), "marks": .integer(forecast.marks),
            "start_marks": .integer(forecast.startMarks), "so_far_kwh": Self.number(kilowattHours(Double(soFar))),
            "kwh": quantity(forecast.energyMicrojoules, kilowattHours),
            "kg_co2e": quantity(forecast.energyMicrojoules, kilograms),
            "hours": quantity(forecast.elapsedMilliseconds, hasInterval: hasTimeInterval) { $0 / 3_600_000 },
            "quality": quality.map { QualityText(price: $0).json } ?? .null,
            "placements": placements?.json ?? .null, "rests_on": .array(basis.map { .string($0) }),
            "missing": .array(missing.map { .string($0) }),
        ]
    }

    var text: String {
        func line(
            _ quantity: Forecast.Quantity, _ unit: String, hasInterval: Bool = true, _ convert: (Double) -> Double?
        ) -> String {
            func text(_ value: Double?) -> String { Self.text(value) }
            let ends = (hasInterval ? quantity.interval : nil).map {
                " (95 %: \(text(convert($0.lowerBound))) to \(text(convert($0.upperBound))))"
            }
            return "\(text(convert(quantity.total))) \(unit)\(ends ?? "")"
        }
        var rows = [
            ("progress", "\(Self.text(forecast.progress * 100)) %"),
            ("so far", "\(Self.text(kilowattHours(Double(soFar)))) kWh"),
            ("at the end", line(forecast.energyMicrojoules, "kWh", kilowattHours)),
        ]
        if factor != nil { rows.append(("", line(forecast.energyMicrojoules, "kg CO2e", kilograms))) }
        rows.append(("after", line(forecast.elapsedMilliseconds, "h", hasInterval: hasTimeInterval) { $0 / 3_600_000 }))
        let proportional = Self.text(kilowattHours(forecast.energyMicrojoules.proportional))
        rows.append(("Carbontracker", "\(proportional) kWh (n × the mean so far)"))
        rows += quality.map { QualityText(price: $0).rows } ?? []
        rows += placements?.rows ?? []
        rows += basis.map { ("rests on", $0) } + missing.map { ("cannot be had", $0) }
        return "Forecast, not measured.\n" + EstimateText.lines(rows)
    }

    static func text(_ value: Double?) -> String {
        guard let value, let figure = try? DecimalFigure(parsing: "\(value)") else { return FigureText.unknown }
        return EstimateText.text(figure.ratio)
    }
}
