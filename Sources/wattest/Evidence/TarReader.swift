/// Reads an archive in the ustar format (POSIX.1-2017, pax, "ustar Interchange Format") from pieces of any size.
///
/// Only regular files and directories are taken: a bundle has nothing else, and a link in an archive is a way out of the
/// directory that it is unpacked into. Paths that are absolute, climb, or have empty parts are refused for the same reason.
struct TarReader {
    enum Event: Equatable {
        case begin(path: String)
        case contents(ArraySlice<UInt8>)
        case end
    }

    static let blockBytes = 512
    static let fileBytesMax: UInt64 = 1 << 40

    private enum State {
        case header
        case contents(rest: UInt64, padding: Int)
        case padding(Int)
        case trailer
    }

    private var state = State.header
    private var block: [UInt8] = []
    private var zeroBlocks = 0

    /// Whether the archive has come to its end mark; without it something is cut off.
    var isAtEnd: Bool { if case .trailer = state { true } else { false } }

    mutating func read(_ piece: [UInt8], _ handle: (Event) throws -> Void) throws {
        var rest = piece[...]
        while !rest.isEmpty {
            switch state {
            case .header:
                let taken = rest.prefix(Self.blockBytes - block.count)
                block += taken
                rest = rest.dropFirst(taken.count)
                if block.count == Self.blockBytes { try header(handle) }
            case .contents(let left, let padding):
                let taken = rest.prefix(Int(min(left, UInt64(rest.count))))
                rest = rest.dropFirst(taken.count)
                try handle(.contents(taken))
                let remaining = left - UInt64(taken.count)
                if remaining == 0 { try handle(.end) }
                state = remaining > 0 ? .contents(rest: remaining, padding: padding) : .padding(padding)
            case .padding(let left):
                let taken = min(left, rest.count)
                rest = rest.dropFirst(taken)
                state = left > taken ? .padding(left - taken) : .header
            case .trailer:
                guard rest.allSatisfy({ $0 == 0 }) else { throw TarFailure("something follows its end") }
                return
            }
        }
    }

    private mutating func header(_ handle: (Event) throws -> Void) throws {
        defer { block.removeAll(keepingCapacity: true) }
        if block.allSatisfy({ $0 == 0 }) {
            zeroBlocks += 1
            if zeroBlocks == 2 { state = .trailer }
            return
        }
        guard zeroBlocks == 0 else { throw TarFailure("a file follows its end mark") }
        guard block[257..<262].elementsEqual("ustar".utf8) else { throw TarFailure("a header is not ustar") }
        let checksum = block.indices.reduce(UInt64(0)) { sum, index in
            sum + ((148..<156).contains(index) ? 0x20 : UInt64(block[index]))
        }
        guard octal(148..<156) == checksum else { throw TarFailure("a header's checksum does not hold") }
        let prefix = text(345..<500)
        let path = prefix.isEmpty ? text(0..<100) : "\(prefix)/\(text(0..<100))"
        switch block[156] {
        case UInt8(ascii: "0"), 0: try begin(path, handle)
        case UInt8(ascii: "5"): break
        default: throw TarFailure("'\(path)' is neither a file nor a directory")
        }
    }

    private mutating func begin(_ path: String, _ handle: (Event) throws -> Void) throws {
        guard Self.isInside(path) else { throw TarFailure("the path '\(path)' leads out of the directory") }
        guard let size = octal(124..<136), size <= Self.fileBytesMax else {
            throw TarFailure("the size of '\(path)' is not readable")
        }
        try handle(.begin(path: path))
        if size == 0 {
            try handle(.end)
        } else {
            let over = Int(size % UInt64(Self.blockBytes))
            state = .contents(rest: size, padding: over == 0 ? 0 : Self.blockBytes - over)
        }
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: block[range].prefix { $0 != 0 }, as: UTF8.self)
    }

    private func octal(_ range: Range<Int>) -> UInt64? {
        let digits = block[range].drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    static func isInside(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return !path.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}

/// Why an archive is not taken.
struct TarFailure: Error, Equatable {
    let what: String

    init(_ what: String) { self.what = what }
}
