/// Plain files in one stream (POSIX ustar), so that a bundle travels as one body and unpacks with any `tar`.
///
/// Owner, mode and time are constants: the same files give the same bytes.
package enum TarArchive {
    package static let blockByteCount = 512
    /// Two empty blocks end an archive.
    package static let end = [UInt8](repeating: 0, count: 2 * blockByteCount)
    static let maximumFileByteCount = 0o77777777777

    /// A file with its header, padded to whole blocks; nil for a path or size that ustar cannot carry.
    package static func member(_ file: BundleFile) -> [UInt8]? {
        guard var member = header(path: file.path, byteCount: file.bytes.count) else { return nil }
        member += file.bytes
        let rest = member.count % blockByteCount
        if rest > 0 { member += [UInt8](repeating: 0, count: blockByteCount - rest) }
        return member
    }

    static func header(path: String, byteCount: Int) -> [UInt8]? {
        guard let (prefix, name) = split(Array(path.utf8)), byteCount <= maximumFileByteCount else { return nil }
        var header = [UInt8](repeating: 0, count: blockByteCount)
        func put(_ bytes: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(name, at: 0)
        put(octal(0o644, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(byteCount, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        put(Array("        ".utf8), at: 148)
        header[156] = UInt8(ascii: "0")
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(prefix, at: 345)
        put(octal(header.reduce(0) { $0 + Int($1) }, digits: 6) + [0, 0x20], at: 148)
        return header
    }

    /// The longest prefix of at most 155 bytes before a slash, and the rest of at most 100.
    private static func split(_ path: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        if (1...100).contains(path.count) { return ([], path) }
        guard let slash = path.prefix(156).lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return nil }
        let name = Array(path[(slash + 1)...])
        return (1...100).contains(name.count) ? (Array(path[..<slash]), name) : nil
    }

    private static func octal(_ value: Int, digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
    }
}

/// Takes an archive in pieces of any size and gives its files as they become complete.
///
/// It reads what `TarArchive` writes and nothing else: plain files with well-formed paths inside the archive.
package struct TarReader: Sendable {
    package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// The largest single file that is held in memory.
    package static let maximumFileByteCount = 2 << 30

    private var buffer: [UInt8] = []
    private var current: (path: String, byteCount: Int)?
    private var isEnded = false

    package init() {}

    package mutating func feed(_ bytes: some Sequence<UInt8>) throws(Failure) -> [BundleFile] {
        buffer += bytes
        var files: [BundleFile] = []
        var position = 0
        while !isEnded {
            let left = buffer.count - position
            if let file = current {
                let padded =
                    (file.byteCount + TarArchive.blockByteCount - 1) / TarArchive.blockByteCount
                    * TarArchive.blockByteCount
                guard left >= padded else { break }
                files.append(
                    BundleFile(path: file.path, bytes: Array(buffer[position..<(position + file.byteCount)])))
                position += padded
                current = nil
            } else {
                guard left >= TarArchive.blockByteCount else { break }
                try header(Array(buffer[position..<(position + TarArchive.blockByteCount)]))
                position += TarArchive.blockByteCount
            }
        }
        buffer.removeFirst(position)
        return files
    }

    /// - Throws: when the archive was cut.
    package func finish() throws(Failure) {
        guard isEnded else { throw Failure(description: "the archive ends before its last block") }
    }

    private mutating func header(_ block: [UInt8]) throws(Failure) {
        if block.allSatisfy({ $0 == 0 }) {
            isEnded = true
            return
        }
        func text(_ offset: Int, _ count: Int) -> String {
            String(decoding: block[offset..<(offset + count)].prefix { $0 != 0 }, as: UTF8.self)
        }
        let prefix = text(345, 155)
        let path = prefix.isEmpty ? text(0, 100) : prefix + "/" + text(0, 100)
        guard BundleManifest.isWellFormed(path: path), let byteCount = Int(text(124, 11), radix: 8),
            byteCount <= Self.maximumFileByteCount, TarArchive.header(path: path, byteCount: byteCount) == block
        else { throw Failure(description: "a header of the archive is damaged or not of a plain file") }
        current = (path, byteCount)
    }
}
