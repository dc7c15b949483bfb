import Energy
import JSONText

extension ProviderAnswer {
    /// Energi Data Service of Energinet: dataset `CO2Emis`, five-minute values of a price area in g/kWh; zones are
    /// named `DK-` and the area.
    package init(energiDataService bytes: [UInt8]) throws(EmissionsError) {
        let reader = AnswerReader(provider: "Energi Data Service")
        let document = try reader.document(bytes)
        var readings: [IntensityReading] = []
        for record in try reader.list(document, "records") {
            guard let figure = try reader.figure(record, "CO2Emission") else { continue }
            readings.append(
                IntensityReading(
                    zone: "DK-\(try reader.text(record, "PriceArea"))",
                    interval: try reader.interval(from: try reader.time(record, "Minutes5UTC"), seconds: 300),
                    microgramsPerKilowattHour: try reader.micrograms(figure, .gramsPerKilowattHour),
                    published: "\(figure.text) g/kWh"))
        }
        try self.init(basis: FactorBasis(scope: .direct, gases: .carbonDioxide), readings: readings)
    }
}
