let newline = UInt8(ascii: "\n")
let space = UInt8(ascii: " ")

/// Lines of a text, each ended by one LF; the LF is not part of the line.
struct LineReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// Number of the line read last, from 1.
    private(set) var lineNumber = 0

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// What has not been read.
    var rest: ArraySlice<UInt8> { bytes[position...] }
    var isAtEnd: Bool { position == bytes.endIndex }

    /// The next line, or nil when no LF follows.
    mutating func next() -> ArraySlice<UInt8>? {
        guard let end = bytes[position...].firstIndex(of: newline) else { return nil }
        defer {
            position = end + 1
            lineNumber += 1
        }
        return bytes[position..<end]
    }
}

extension ArraySlice<UInt8> {
    /// What follows `prefix`, or nil when the bytes do not begin with it.
    func dropping(prefix: String) -> ArraySlice<UInt8>? {
        let bytes = prefix.utf8
        guard count >= bytes.count, self.prefix(bytes.count).elementsEqual(bytes) else { return nil }
        return dropFirst(bytes.count)
    }
}
