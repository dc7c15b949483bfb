/// What an Ed25519 public key must not be, beyond having 32 bytes.
///
/// A key of small order accepts one signature for many texts; a key with a second encoding has two key IDs. Neither can
/// come out of an honest key generation (RFC 8032 section 5.1.5), and libraries disagree about both.
enum Ed25519PublicKeyCheck {
    enum Fault: String {
        case length = "is not 32 bytes"
        case nonCanonical = "is not the canonical encoding of a point"
        case smallOrder = "is a point of small order"
    }

    /// The y coordinates of the eight points of order 1, 2, 4 and 8; the two signs of x share one.
    private static let smallOrder: [[UInt8]] = [
        little([1]),
        little([0xEC], fill: 0xFF, last: 0x7F),
        little([0]),
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
            0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
            0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ],
    ]

    static func fault(in key: [UInt8]) -> Fault? {
        guard key.count == 32 else { return .length }
        var y = key
        y[31] &= 0x7F
        // The field prime is 2^255 - 19, little-endian ED FF … FF 7F: y is reduced when it is below.
        let isReduced = y[0] < 0xED || y[31] != 0x7F || y[1..<31].contains { $0 != 0xFF }
        if !isReduced { return .nonCanonical }
        return smallOrder.contains(y) ? .smallOrder : nil
    }

    private static func little(_ low: [UInt8], fill: UInt8 = 0, last: UInt8 = 0) -> [UInt8] {
        low + [UInt8](repeating: fill, count: 31 - low.count) + [last]
    }
}
