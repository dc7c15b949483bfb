/// A text with the signatures of one or more keys (C2SP signed-note).
///
/// Parsing is strict enough that a note has one spelling: rendering what was parsed gives the same bytes. A parsed note
/// proves nothing; only `open(with:)` tells who signed.
package struct SignedNote: Sendable, Hashable {
    /// Bounds the work that one note can cause; the format asks for at least 16.
    package static let maximumSignatures = 100
    package static let maximumByteCount = 1 << 20

    /// The whole note.
    package let bytes: [UInt8]
    private let textByteCount: Int
    /// In the order of their lines; a line may occur twice.
    package let signatures: [NoteSignature]

    /// What is signed, with its last LF.
    package var text: ArraySlice<UInt8> { bytes[..<textByteCount] }

    /// - Throws: `bad_note`, with the line that is wrong.
    package init(
        parsing bytes: [UInt8], maximumByteCount: Int = SignedNote.maximumByteCount
    ) throws(TransparencyLogError) {
        guard bytes.count <= maximumByteCount else {
            throw TransparencyLogError(.badNote, "the note has \(bytes.count) bytes, the limit is \(maximumByteCount)")
        }
        guard let textByteCount = Self.textByteCount(of: bytes) else {
            throw TransparencyLogError(.badNote, "the note has no empty line before its signatures")
        }
        try Self.checkText(bytes[..<textByteCount])
        signatures = try Self.signatures(in: bytes[(textByteCount + 1)...])
        self.bytes = bytes
        self.textByteCount = textByteCount
    }

    /// Puts signatures under a text.
    ///
    /// - Throws: `bad_note` when the text does not end with LF, has control characters or is not UTF-8, or when there
    ///   are no signatures or too many.
    package init(text: [UInt8], signatures: [NoteSignature]) throws(TransparencyLogError) {
        try Self.checkText(text[...])
        guard (1...Self.maximumSignatures).contains(signatures.count) else {
            throw TransparencyLogError(
                .badNote, "a note has 1 to \(Self.maximumSignatures) signatures, not \(signatures.count)")
        }
        var bytes = text
        bytes.append(newline)
        for signature in signatures { signature.append(to: &bytes) }
        self.bytes = bytes
        textByteCount = text.count
        self.signatures = signatures
    }

    /// The same text with further signatures, those that it already has left out.
    package func adding(_ more: [NoteSignature]) throws(TransparencyLogError) -> SignedNote {
        var all = signatures
        for signature in more where !all.contains(signature) { all.append(signature) }
        return try SignedNote(text: Array(text), signatures: all)
    }

    /// Up to the last empty line: texts may have empty lines of their own.
    private static func textByteCount(of bytes: [UInt8]) -> Int? {
        var position = bytes.count - 1
        while position > 0 {
            if bytes[position] == newline, bytes[position - 1] == newline { return position }
            position -= 1
        }
        return nil
    }

    private static func checkText(_ text: ArraySlice<UInt8>) throws(TransparencyLogError) {
        guard text.last == newline else {
            throw TransparencyLogError(.badNote, "the text does not end with a line feed")
        }
        let (hasControl, isASCII) = text.withUnsafeBufferPointer { bytes in
            // Without a branch, so that the compiler takes many bytes at once.
            var controls: UInt8 = 0
            var combined: UInt8 = 0
            for byte in bytes {
                controls |= (byte < 0x20 ? 1 : 0) & (byte != newline ? 1 : 0)
                combined |= byte
            }
            return (controls != 0, combined < 0x80)
        }
        guard !hasControl else {
            throw TransparencyLogError(.badNote, "the text has a control character other than line feed")
        }
        guard isASCII || (try? UTF8Span(validating: text.span)) != nil else {
            throw TransparencyLogError(.badNote, "the text is not UTF-8")
        }
    }

    private static func signatures(in block: ArraySlice<UInt8>) throws(TransparencyLogError) -> [NoteSignature] {
        var signatures: [NoteSignature] = []
        var lines = LineReader(block)
        while let line = lines.next() {
            guard signatures.count < maximumSignatures else {
                throw TransparencyLogError(.badNote, "the note has more than \(maximumSignatures) signatures")
            }
            signatures.append(try NoteSignature(parsingLine: line))
        }
        guard lines.isAtEnd, !signatures.isEmpty else {
            throw TransparencyLogError(.badNote, "the note does not end with a signature line and its line feed")
        }
        return signatures
    }
}
