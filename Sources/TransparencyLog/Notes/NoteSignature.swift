/// One signature line of a note: `— <name> <base64(key ID || signature)>`.
package struct NoteSignature: Sendable, Hashable {
    /// U+2014 and a space.
    static let marker: [UInt8] = [0xE2, 0x80, 0x94, space]

    package let name: String
    package let keyID: UInt32
    /// Key ID and signature, as in the line.
    private let content: [UInt8]

    /// What follows the key ID: 64 bytes for Ed25519, 8 + 64 for a cosignature; anything for unknown kinds.
    package var value: ArraySlice<UInt8> { content[4...] }

    /// - Precondition: `name` is a valid key name; only keys and the parser make signatures.
    init(name: String, keyID: UInt32, value: some Sequence<UInt8>) {
        self.name = name
        self.keyID = keyID
        content = keyID.bigEndianBytes + value
    }

    /// Reads a line without its LF.
    package init(parsingLine line: ArraySlice<UInt8>) throws(TransparencyLogError) {
        guard line.starts(with: Self.marker) else {
            throw TransparencyLogError(.badNote, "signature line \(Quoted(line)) does not begin with em dash and space")
        }
        let fields = line.dropFirst(Self.marker.count)
        guard let separator = fields.firstIndex(of: space) else {
            throw TransparencyLogError(.badNote, "signature line \(Quoted(line)) has no signature")
        }
        let name = fields[..<separator]
        guard KeyName.isValid(name) else {
            throw TransparencyLogError(.badNote, "signature line \(Quoted(line)) has a bad key name")
        }
        guard let content = Base64.decode(fields[(separator + 1)...]), content.count > 4 else {
            throw TransparencyLogError(
                .badNote, "the signature of \(Quoted(name)) is not canonical base64 of a key ID and a signature")
        }
        self.name = String(decoding: name, as: UTF8.self)
        self.content = content
        keyID = content[..<4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The line with its LF.
    package var line: [UInt8] {
        var line: [UInt8] = []
        append(to: &line)
        return line
    }

    package static func == (left: NoteSignature, right: NoteSignature) -> Bool {
        left.content == right.content && left.name.isIdentical(to: right.name)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(content) }

    func append(to bytes: inout [UInt8]) {
        bytes += Self.marker
        bytes += Array(name.utf8)
        bytes.append(space)
        Base64.append(content[...], to: &bytes)
        bytes.append(newline)
    }
}
