/// A witness's statement about a checkpoint at a time (C2SP tlog-cosignature, Ed25519 form).
package struct Cosignature: Sendable, Hashable {
    /// POSIX seconds, above 0 and below 2⁶³.
    package let time: UInt64
    package let signature: ArraySlice<UInt8>

    /// Reads the value of a signature line: 8 bytes of time, 64 of signature.
    ///
    /// - Returns: nil when it is not of that form.
    package init?(_ line: NoteSignature) {
        let value = line.value
        guard value.count == 8 + 64 else { return nil }
        time = value.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        signature = value.dropFirst(8)
        guard (1...UInt64(Int64.max)).contains(time) else { return nil }
    }

    /// What is signed: a heading that no checkpoint has, the time, and the checkpoint's text.
    static func message(_ text: ArraySlice<UInt8>, time: UInt64) -> [UInt8] {
        Array("cosignature/v1\ntime \(time)\n".utf8) + text
    }
}

extension UInt64 {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { [UInt8]($0) } }
}
