import JSONText

extension ProviderAnswer {
    /// WattTime v3: `/historical` and `/forecast`, in lb/MWh.
    ///
    /// `co2_aoer` is the average signal. `co2_moer` is marginal: it is read for decisions on when to run, keeps its
    /// mark, and no `FactorSet` takes it.
    ///
    /// - Parameter purpose: `inventory` refuses a marginal signal here already, with the reason.
    package init(wattTime bytes: [UInt8], purpose: Purpose) throws(EmissionsError) {
        let reader = AnswerReader(provider: "WattTime")
        let document = try reader.document(bytes)
        if let message = (document["error"] ?? document["message"])?.string {
            throw .malformed(reader.provider, "refused: \(message.prefix(200))")
        }
        guard let meta = document["meta"] else { throw .malformed(reader.provider, "no 'meta'") }
        let signal = try Self.signal(reader.text(meta, "signal_type"), units: meta["units"]?.string, purpose: purpose)
        guard let seconds = meta["data_point_period_seconds"]?.int64 else {
            throw .malformed(reader.provider, "'data_point_period_seconds' is missing or no integer")
        }
        let region = try reader.text(meta, "region")
        let isForecast = meta["generated_at"] != nil
        var readings: [IntensityReading] = []
        for point in try reader.list(document, "data") {
            guard let figure = try reader.figure(point, "value") else { continue }
            readings.append(
                IntensityReading(
                    zone: region,
                    interval: try reader.interval(from: try reader.time(point, "point_time"), seconds: seconds),
                    microgramsPerKilowattHour: try reader.micrograms(figure, .poundsPerMegawattHour),
                    published: "\(figure.text) lb/MWh", isEstimated: point["imputed_data_used"]?.bool ?? false,
                    isForecast: isForecast))
        }
        try self.init(
            basis: FactorBasis(scope: .direct, signal: signal, gases: .carbonDioxide), readings: readings)
    }

    package enum Purpose: Sendable, Hashable {
        /// A Scope 2 figure.
        case inventory
        /// When and where to run.
        case decision
    }

    private static func signal(
        _ name: String, units: String?, purpose: Purpose
    ) throws(EmissionsError) -> FactorBasis.Signal {
        guard units == "lbs_co2_per_mwh" else {
            throw .malformed(
                "WattTime", "values in '\(units ?? "no unit")' are not a mass of CO2: ask for co2_aoer")
        }
        switch name {
        case "co2_aoer": return .average
        case "co2_moer":
            guard purpose == .decision else {
                throw EmissionsError(
                    .marginalSignal,
                    "WattTime: co2_moer is the marginal rate, which says what a change of load causes; a Scope 2"
                        + " inventory counts the average: ask for co2_aoer")
            }
            return .marginal
        default: throw .malformed("WattTime", "signal '\(name)' is neither co2_aoer nor co2_moer")
        }
    }
}
