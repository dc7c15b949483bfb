import Crypto

/// The name under which a job stands in the log: the first 16 bytes of SHA-256(salt ‖ job key) in lower-case base32.
///
/// The key itself lies in the job's record outside the log, so it can be erased; the log keeps what it proves.
package enum Pseudonym {
    package static let byteCount = 16
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    package static func of(jobKey: String, salt: [UInt8]) -> String {
        var hasher = SHA256()
        hasher.update(data: salt)
        hasher.update(data: Array(jobKey.utf8))
        return encode(Array(hasher.finalize().prefix(byteCount)))
    }

    package static func encode(_ bytes: [UInt8]) -> String {
        precondition(bytes.count == byteCount)
        var text: [UInt8] = []
        text.reserveCapacity(26)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
            }
        }
        text.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)])
        return String(decoding: text, as: UTF8.self)
    }

    package static func decode(_ text: String) -> [UInt8]? {
        guard isWellFormed(text) else { return nil }
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for character in text.utf8 {
            buffer = buffer << 5 | UInt32(value(of: character))
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return bytes
    }

    /// 26 characters, of which the last carries three bits only.
    package static func isWellFormed(_ text: String) -> Bool {
        let characters = text.utf8
        guard characters.count == 26, let last = characters.last else { return false }
        return characters.allSatisfy { value(of: $0) < 32 } && value(of: last) & 3 == 0
    }

    private static func value(of character: UInt8) -> UInt8 {
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a")
        case UInt8(ascii: "2")...UInt8(ascii: "7"): character - UInt8(ascii: "2") + 26
        default: 255
        }
    }
}
