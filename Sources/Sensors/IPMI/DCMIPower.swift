package import Energy

/// DCMI 1.5 "Get Power Reading" (section 6.6.1).
package struct DCMIPower: Sendable, Hashable {
    package var currentWatts: UInt16
    package var minimumWatts: UInt16
    package var maximumWatts: UInt16
    package var averageWatts: UInt16
    /// Seconds since 1970 by the BMC's clock.
    package var stampSeconds: UInt32
    /// Over which minimum, maximum and average are taken.
    package var periodMilliseconds: UInt32
    package var isActive: Bool

    package static let networkFunction: UInt8 = 0x2C
    package static let command: UInt8 = 0x02
    /// Group extension DCMI, mode "system power statistics", two reserved bytes.
    package static let request: [UInt8] = [0xDC, 0x01, 0x00, 0x00]

    /// Reads an answer that begins with its completion code.
    package static func parse(_ answer: some Collection<UInt8>) -> Result<DCMIPower, Refusal> {
        let bytes = Array(answer)
        guard let code = bytes.first else { return .failure(Refusal(reason: .malformed, code: nil)) }
        guard code == 0 else { return .failure(Refusal(reason: reason(completion: code), code: code)) }
        guard bytes.count >= 19, bytes[1] == 0xDC else { return .failure(Refusal(reason: .malformed, code: code)) }
        func little(_ start: Int, _ length: Int) -> UInt32 {
            (0..<length).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
        }
        return .success(
            DCMIPower(
                currentWatts: UInt16(little(2, 2)), minimumWatts: UInt16(little(4, 2)),
                maximumWatts: UInt16(little(6, 2)),
                averageWatts: UInt16(little(8, 2)), stampSeconds: little(10, 4), periodMilliseconds: little(14, 4),
                isActive: bytes[18] & 0x40 != 0))
    }

    package struct Refusal: Error, Sendable, Hashable {
        package var reason: UnreadableReason
        package var code: UInt8?
        /// What went wrong on the way to the BMC, in words; nil where it answered.
        package var failure: String?
    }

    /// IPMI 2.0 table 5-2.
    private static func reason(completion code: UInt8) -> UnreadableReason {
        switch code {
        case 0xC1, 0xC2, 0xCC, 0xCD: .unsupported  // invalid command, for this LUN, invalid field, illegal for sensor
        case 0xC0, 0xC3, 0xDF: .timedOut  // busy, time-out
        case 0xD4: .denied
        default: .failed
        }
    }

    /// A BMC that measures nothing answers with success and zeros.
    package var value: Reading.Value {
        isActive && currentWatts > 0 ? .power(Int64(currentWatts) * 1_000_000) : .unreadable(.inactive)
    }
}
