/// What a log serves below its prefix, by path (C2SP tlog-tiles).
package enum LogResource: Sendable, Hashable {
    case checkpoint
    case tile(Tile)
    case entries(EntryBundle)

    /// `checkpoint`, `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
    package var path: String {
        switch self {
        case .checkpoint: "checkpoint"
        case .tile(let tile): tile.path
        case .entries(let bundle): bundle.path
        }
    }

    /// - Throws: `bad_tile` for everything that is not exactly what `path` writes: a resource has one address.
    package init(parsing path: String) throws(TransparencyLogError) {
        guard let resource = Self.resource(path), resource.path.isIdentical(to: path) else {
            throw TransparencyLogError(
                .badTile, "\(Quoted(path)) is not the path of a checkpoint, tile or entry bundle")
        }
        self = resource
    }

    /// Reads loosely; the caller compares with what would have been written.
    private static func resource(_ path: String) -> LogResource? {
        if path == "checkpoint" { return .checkpoint }
        var elements = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
        guard elements.count >= 3, elements.removeFirst() == Array("tile".utf8) else { return nil }
        let kind = elements.removeFirst()
        guard let (index, width) = TilePath.parse(elements) else { return nil }
        if kind == Array("entries".utf8) {
            return (try? EntryBundle(index: index, width: width)).map { .entries($0) }
        }
        guard let level = CanonicalDecimal.parse(kind[...]), level < 64 else { return nil }
        return (try? Tile(level: Int(level), index: index, width: width)).map { .tile($0) }
    }
}

extension Tile: CustomStringConvertible {
    package var path: String { "tile/\(level)/\(TilePath.text(index: index, width: width))" }
    package var description: String { path }
}

extension EntryBundle: CustomStringConvertible {
    package var path: String { "tile/entries/\(TilePath.text(index: index, width: width))" }
    package var description: String { path }
}

/// The part of a path that tiles and entry bundles share: 1234067 is `x001/x234/067`.
enum TilePath {
    static func text(index: UInt64, width: Int) -> String {
        var groups = [digits(index % 1000)]
        var rest = index / 1000
        while rest > 0 {
            groups.append("x" + digits(rest % 1000))
            rest /= 1000
        }
        return groups.reversed().joined(separator: "/") + (width < Tile.fullWidth ? ".p/\(width)" : "")
    }

    private static func digits(_ number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: 3 - text.count) + text
    }

    /// Index and width from the path elements behind the level.
    static func parse(_ elements: [[UInt8]]) -> (index: UInt64, width: Int)? {
        var groups = elements
        var width = Tile.fullWidth
        let suffix = Array(".p".utf8)
        if groups.count >= 2, groups[groups.count - 2].suffix(2).elementsEqual(suffix) {
            guard let number = CanonicalDecimal.parse(groups.removeLast()[...]), (1...255).contains(number) else {
                return nil
            }
            width = Int(number)
            groups[groups.count - 1].removeLast(2)
        }
        var index: UInt64 = 0
        for (position, group) in groups.enumerated() {
            let digits = position < groups.count - 1 ? group.dropFirst() : group[...]
            guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            let value = digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - 0x30) }
            let (product, productOverflow) = index.multipliedReportingOverflow(by: 1000)
            let (sum, sumOverflow) = product.addingReportingOverflow(value)
            guard !productOverflow, !sumOverflow else { return nil }
            index = sum
        }
        return (index, width)
    }
}
