import Energy

extension ProviderAnswer {
    /// ENTSO-E's transparency platform: actual generation by production type (document A75, process A16), turned into a
    /// production-based intensity: Σ generation · factor / Σ generation. Imports are not in it.
    ///
    /// - Parameter zone: the name under which sites know the area, for example `DE-LU`.
    package init(entsoe bytes: [UInt8], zone: String, factors: GenerationFactors) throws(EmissionsError) {
        let document = try XMLElement(parsing: bytes)
        guard document.name == "GL_MarketDocument" else {
            let reason = document["Reason"]?["text"]?.text ?? "a '\(document.name)'"
            throw .malformed("ENTSO-E", "no generation: \(reason.prefix(200))")
        }
        var mixes: [UTCInterval: GenerationMix] = [:]
        for series in document.all("TimeSeries") {
            // The same type comes a second time for what storage and plants consume.
            if series["outBiddingZone_Domain.mRID"] != nil { continue }
            guard let type = series["MktPSRType"]?["psrType"]?.text else {
                throw .malformed("ENTSO-E", "a series without production type")
            }
            if type == "B10" { continue }
            for period in series.all("Period") {
                for (interval, megawatts) in try Self.points(of: period) {
                    try mixes[interval, default: GenerationMix()].add(type, megawatts, factors)
                }
            }
        }
        try self.init(basis: factors.basis, readings: Self.readings(mixes, zone: zone, factors: factors))
    }

    private static func readings(
        _ mixes: [UTCInterval: GenerationMix], zone: String, factors: GenerationFactors
    ) throws(EmissionsError) -> [IntensityReading] {
        var readings: [IntensityReading] = []
        for (interval, mix) in mixes.sorted(by: { $0.key.start < $1.key.start }) {
            guard let intensity = try mix.intensity(unknownPercent: factors.unknownPercent) else { continue }
            readings.append(
                IntensityReading(
                    zone: zone, interval: interval, microgramsPerKilowattHour: intensity,
                    published: "generation by type", isEstimated: mix.hasUnknown))
        }
        return readings
    }

    /// Quarter-hours of a period. A position that is left out repeats the one before it (curve type A03).
    private static func points(of period: XMLElement) throws(EmissionsError) -> [(UTCInterval, DecimalFigure)] {
        let reader = AnswerReader(provider: "ENTSO-E")
        guard let span = period["timeInterval"], let start = span["start"].flatMap({ UTCTime(civil: $0.text) }),
            let end = span["end"].flatMap({ UTCTime(civil: $0.text) }), start < end,
            let seconds = seconds(resolution: period["resolution"]?.text)
        else { throw .malformed(reader.provider, "a period without time interval or resolution") }
        let count = (end.microseconds - start.microseconds) / (seconds * 1_000_000)
        guard count <= 40_000 else { throw .malformed(reader.provider, "a period of more than a year") }
        var given: [Int64: DecimalFigure] = [:]
        for point in period.all("Point") {
            guard let position = point["position"].flatMap({ Int64($0.text) }), (1...max(1, count)).contains(position),
                let quantity = point["quantity"].flatMap({ try? DecimalFigure(parsing: $0.text) }),
                given.updateValue(quantity, forKey: position) == nil
            else { throw .malformed(reader.provider, "a point without position and quantity, or twice") }
        }
        var points: [(UTCInterval, DecimalFigure)] = []
        var last: DecimalFigure?
        for position in 0..<count {
            last = given[position + 1] ?? last
            guard let last else { continue }
            let from = UTCTime(microseconds: start.microseconds + position * seconds * 1_000_000)
            // Hourly series beside quarter-hourly ones: everything is laid out in quarter-hours.
            for quarter in 0..<(seconds / 900) {
                let begin = UTCTime(microseconds: from.microseconds + quarter * 900_000_000)
                points.append((try reader.interval(from: begin, seconds: 900), last))
            }
        }
        return points
    }

    private static func seconds(resolution: String?) -> Int64? {
        switch resolution {
        case "PT15M": 900
        case "PT30M": 1800
        case "PT60M": 3600
        default: nil
        }
    }
}

/// Generation in one quarter-hour, in MW.
private struct GenerationMix {
    private var known = ExactRatio.zero
    private var unknown = ExactRatio.zero
    private var weighted = ExactRatio.zero

    var hasUnknown: Bool { unknown > .zero }

    mutating func add(_ type: String, _ megawatts: DecimalFigure, _ factors: GenerationFactors) throws(EmissionsError) {
        guard megawatts > .zero else { return }
        if let factor = factors.microgramsByType[type] {
            known = try known + megawatts.ratio
            weighted = try weighted + megawatts.ratio * DecimalFigure(factor)
        } else {
            unknown = try unknown + megawatts.ratio
        }
    }

    /// µg/kWh; nil when nothing, or too much without a factor, was generated.
    func intensity(unknownPercent: Int) throws(EmissionsError) -> Int64? {
        guard known > .zero,
            try unknown * DecimalFigure(100) <= (known + unknown) * DecimalFigure(unknownPercent)
        else { return nil }
        return Int64(clamping: try (weighted / known).units(decimals: 0))
    }
}
