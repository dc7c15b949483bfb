@testable import Emissions

extension FactorSource {
    static let sample = FactorSource(
        provider: "P", dataset: "D", version: "1", licence: "CC0", citation: "none", fileSHA256: "00")
}

extension FactorSet {
    /// One yearly factor for 1970.
    static func sample(zone: String, tonnesPerMegawattHour: String) throws -> FactorSet {
        let factor = GridFactor(
            zone: zone, period: .year(1970),
            microgramsPerKilowattHour: try FactorUnit.tonnesPerMegawattHour.microgramsPerKilowattHour(
                DecimalFigure(parsing: tonnesPerMegawattHour)), published: "\(tonnesPerMegawattHour) t/MWh")
        return try FactorSet(files: [
            FactorFile(source: .sample, basis: FactorBasis(scope: .direct), factors: [factor])
        ])
    }
}
