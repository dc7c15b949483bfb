import Disclosure
import Emissions
import Energy
import Identity
import JSONText
import TransparencyLog

/// Tables of grid factors that the user names, before the yearly ones that the program carries.
struct FactorFiles {
    /// Everything: hourly where the files have it.
    let set: FactorSet
    let standard: FactorSet

    init(_ paths: [String]) throws {
        standard = try .standard()
        var files: [FactorFile] = []
        for path in paths {
            do {
                let bytes = try PrivateFile.read(path)
                files.append(try Self.file(bytes, path))
            } catch let error as IdentityError {
                throw CommandFailure(.usage, "FILE", error.description)
            } catch let error as EmissionsError {
                throw CommandFailure.file(error.message, path, "columns: zone,period,g_per_kwh")
            }
        }
        set = try FactorSet(files: files + standard.files)
    }

    private static func file(_ bytes: [UInt8], _ path: String) throws(EmissionsError) -> FactorFile {
        let source = FactorSource(
            provider: path.split(separator: "/").last.map(String.init) ?? path, dataset: path, version: "",
            licence: "", citation: "", fileSHA256: MerkleHash.sha256(of: bytes).hexadecimal)
        let head = String(decoding: bytes.prefix(400), as: UTF8.self)
        let file =
            head.contains("Datetime (UTC)")
            ? try FactorFile(electricityMapsTable: bytes, source: source, scope: .direct)
            : try FactorFile(ownTable: bytes, source: source, basis: FactorBasis(scope: .unknown))
        try file.checkColumns()
        return file
    }
}

/// The same job in other zones and from other hours of the same day, the least emissions first.
struct Placements {
    private let own: Timing?
    private let ranked: [Timing]
    private let pue: DecimalFigure
    private(set) var missing: [String] = []

    static let shown = 10

    /// - Returns: nil when no zone is named.
    init?(
        _ command: ForecastCommand, _ forecast: Forecast, start: UTCTime, factors: FactorSet, pue: DecimalFigure
    ) throws {
        let home = command.region.map { RegionFactor.zone($0) }
        let others = (command.zones ?? "").split(whereSeparator: { $0 == "," || $0 == " " }).map {
            RegionFactor.zone(String($0))
        }
        let zones = Set(others + [home].compactMap(\.self)).sorted()
        guard !zones.isEmpty else { return nil }
        self.pue = pue
        let day = floorDivide(start.hour, by: 24) * 24
        let hourly = Self.hourly(forecast)
        let ranked = try Timing.ranked(
            hourlyMicrojoules: hourly, zones: zones, startHours: day..<(day + 24), factors: factors)
        self.ranked = ranked
        own = home.flatMap { zone in ranked.first { $0.zone == zone && $0.startHour == start.hour } }
        for zone in zones where !ranked.contains(where: { $0.zone == zone }) {
            missing.append("placement in \(zone): no factor for every hour of the job")
        }
        let isHourly = ranked.contains { timing in
            factors.factor(zone: timing.zone, hour: timing.startHour).match?.resolution == .hour
        }
        if !isHourly, !ranked.isEmpty {
            missing.append("other hours: the factors at hand are yearly, so hours do not differ; give --factors")
        }
    }

    /// The expected duration, a year at most.
    static func hours(of forecast: Forecast) -> Int {
        Int(max(1, min(24 * 366, (forecast.elapsedMilliseconds.total / 3_600_000).rounded(.up))))
    }

    /// The expected energy spread evenly over the expected duration, in whole hours from the first.
    private static func hourly(_ forecast: Forecast) -> [Int128] {
        let hours = Self.hours(of: forecast)
        let total = Int128(clamping: Int64(clamping: Int128(forecast.energyMicrojoules.total.rounded())))
        return (0..<hours).map { hour in
            total * Int128(hour + 1) / Int128(hours) - total * Int128(hour) / Int128(hours)
        }
    }

    private func kilograms(_ timing: Timing?) -> ExactRatio? {
        timing.flatMap { try? $0.mass.kilograms * pue }
    }

    /// One for each zone and hour that differs: equal ones of a zone are one line.
    private var distinct: [Timing] {
        var seen: Set<String> = []
        return Array(ranked.filter { seen.insert("\($0.zone) \($0.mass.units)").inserted }.prefix(Self.shown))
    }

    private func saving(_ timing: Timing) -> ExactRatio? {
        guard let own, own.mass > .zero, let kept = try? ExactRatio(timing.mass.units, over: own.mass.units) else {
            return nil
        }
        return try? .one - kept
    }

    var json: JSONValue {
        [
            "own_kg_co2e": EstimateText.json(kilograms(own)),
            "better": .array(
                distinct.map { timing in
                    [
                        "zone": .string(timing.zone),
                        "start": .string(TimeText.rfc3339(UTCTime(hour: timing.startHour))),
                        "kg_co2e": EstimateText.json(kilograms(timing)),
                        "saves_share": EstimateText.json(saving(timing)),
                    ]
                }),
        ]
    }

    var rows: [(String, String)] {
        distinct.prefix(5).map { timing in
            let saved = saving(timing).flatMap { try? $0 * DecimalFigure(100) }
            let share = saved.map { ", saves \(EstimateText.text($0, significant: 2)) %" } ?? ""
            let start = TimeText.rfc3339(UTCTime(hour: timing.startHour))
            return ("in \(timing.zone)", "from \(start): \(EstimateText.text(kilograms(timing))) kg CO2e\(share)")
        }
    }
}
