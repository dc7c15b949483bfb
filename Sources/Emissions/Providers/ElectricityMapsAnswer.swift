import JSONText

extension ProviderAnswer {
    /// Electricity Maps: `/carbon-intensity/latest`, `/history`, `/forecast`, `/past-range` of v3 and v4, in g/kWh.
    ///
    /// - Parameters:
    ///   - requested: the kind of factor asked for, where the answer does not say; its default is lifecycle.
    ///   - periodSeconds: what one value covers, where the answer does not say.
    package init(
        electricityMaps bytes: [UInt8], requested: FactorBasis.Scope = .lifecycle, periodSeconds: Int64 = 3600
    ) throws(EmissionsError) {
        let reader = AnswerReader(provider: "Electricity Maps")
        let document = try reader.document(bytes)
        if let message = (document["error"] ?? document["message"])?.string {
            throw .malformed(reader.provider, "refused: \(message.prefix(200))")
        }
        let zone = try reader.text(document, "zone")
        let isForecast = document["forecast"] != nil
        let values =
            document["carbonIntensity"] != nil
            ? [document] : try reader.list(document, "history", "forecast", "data")
        let seconds = Self.seconds(granularity: document["temporalGranularity"]?.string) ?? periodSeconds
        var scope: FactorBasis.Scope?
        var readings: [IntensityReading] = []
        for value in values {
            // Hours of which nothing is known yet come as null; they are filled by a later request.
            guard let figure = try reader.figure(value, "carbonIntensity") else { continue }
            let stated = (value["emissionFactorType"] ?? document["emissionFactorType"])?.string
            let own = stated.map { FactorBasis.Scope(rawValue: $0) ?? .unknown } ?? requested
            guard scope == nil || scope == own else {
                throw .malformed(reader.provider, "direct and lifecycle values in one answer")
            }
            scope = own
            readings.append(
                IntensityReading(
                    zone: zone,
                    interval: try reader.interval(from: try reader.time(value, "datetime"), seconds: seconds),
                    microgramsPerKilowattHour: try reader.micrograms(figure, .gramsPerKilowattHour),
                    published: "\(figure.text) g/kWh", isEstimated: value["isEstimated"]?.bool ?? false,
                    isForecast: isForecast))
        }
        try self.init(basis: FactorBasis(scope: scope ?? requested), readings: readings)
    }

    private static func seconds(granularity: String?) -> Int64? {
        switch granularity {
        case "5_minutes": 300
        case "15_minutes": 900
        case "hourly": 3600
        default: nil
        }
    }
}
