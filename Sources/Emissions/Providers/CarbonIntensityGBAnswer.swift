import Energy
import JSONText

extension ProviderAnswer {
    /// The British Carbon Intensity API: `/intensity…` (zone `GB`) and `/regional…` (zones `GB-` and the region's
    /// number), half-hours in g/kWh. A settled value wins over the forecast of the same half-hour; regions have
    /// forecasts only.
    package init(carbonIntensityGB bytes: [UInt8]) throws(EmissionsError) {
        let reader = AnswerReader(provider: "Carbon Intensity API")
        let document = try reader.document(bytes)
        if let message = document["error"]?["message"]?.string {
            throw .malformed(reader.provider, "refused: \(message.prefix(200))")
        }
        guard let data = document["data"] else { throw .malformed(reader.provider, "no 'data'") }
        // Latest values come as a list, a region's period as one object.
        let entries = data.array ?? [data]
        var readings: [IntensityReading] = []
        for entry in entries {
            if let spans = entry["data"]?.array {
                guard let region = entry["regionid"]?.int64 else {
                    throw .malformed(reader.provider, "'regionid' is missing or no integer")
                }
                for span in spans { try readings.append(contentsOf: Self.reading(span, "GB-\(region)", reader)) }
            } else if let regions = entry["regions"]?.array {
                for region in regions {
                    guard let number = region["regionid"]?.int64 else {
                        throw .malformed(reader.provider, "'regionid' is missing or no integer")
                    }
                    try readings.append(contentsOf: Self.reading(region, times: entry, "GB-\(number)", reader))
                }
            } else {
                try readings.append(contentsOf: Self.reading(entry, "GB", reader))
            }
        }
        try self.init(basis: FactorBasis(scope: .direct, gases: .carbonDioxide), readings: readings)
    }

    private static func reading(
        _ span: JSONValue, times: JSONValue? = nil, _ zone: String, _ reader: AnswerReader
    ) throws(EmissionsError) -> [IntensityReading] {
        guard let intensity = span["intensity"] else { throw .malformed(reader.provider, "no 'intensity'") }
        let actual = try reader.figure(intensity, "actual")
        let forecast = try reader.figure(intensity, "forecast")
        guard let figure = actual ?? forecast else { return [] }
        let interval = UTCInterval(
            start: try reader.time(times ?? span, "from"), end: try reader.time(times ?? span, "to"))
        return [
            IntensityReading(
                zone: zone, interval: interval,
                microgramsPerKilowattHour: try reader.micrograms(figure, .gramsPerKilowattHour),
                published: "\(figure.text) g/kWh", isForecast: actual == nil)
        ]
    }
}
