import Energy

@testable import Emissions

extension Instrument {
    /// One year of 1970 in market M for organization O, by hour from hour 0.
    static func sample(
        _ id: String = "I", hourly: [Int128], microgramsPerKilowattHour: Int64 = 0, retiredFor: String = "O"
    ) -> Instrument {
        Instrument(
            id: id, kind: .guaranteeOfOrigin, certificateIDs: ["C-\(id)"], market: "M",
            vintage: UTCInterval(start: UTCTime(hour: 0), end: UTCTime(hour: 8760)),
            volume: .hourly(Dictionary(uniqueKeysWithValues: hourly.enumerated().map { (Int64($0), $1) })),
            retiredFor: retiredFor, microgramsPerKilowattHour: microgramsPerKilowattHour, documentSHA256: "")
    }
}
