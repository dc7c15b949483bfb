package import Batches
package import Energy

/// What the books of a period say over one log prefix: a pure function of both, cut into the parts that entries of a
/// log can carry.
package struct ClosingStatement: Sendable, Hashable, Codable {
    package let content: CloseEntry.Content

    package init(_ content: CloseEntry.Content) { self.content = content }

    /// Bytes of lines in one part: an entry, with its other lines and its signature, has at most 65,535.
    static let maximumPartBytes = 60_000

    /// The contents of the entries that say it, in order. At least one.
    package var parts: [CloseEntry.Content] {
        var parts = [CloseEntry.Content(totals: content.totals)]
        var bytes = parts[0].text.count
        func place(_ line: CloseEntry.Content, _ add: (inout CloseEntry.Content) -> Void) {
            let count = line.text.count
            if bytes + count > Self.maximumPartBytes {
                parts.append(CloseEntry.Content())
                bytes = 0
            }
            bytes += count
            add(&parts[parts.count - 1])
        }
        for node in content.nodes { place(CloseEntry.Content(nodes: [node])) { $0.nodes.append(node) } }
        for gaps in content.gaps { place(CloseEntry.Content(gaps: [gaps])) { $0.gaps.append(gaps) } }
        for chain in content.chains { place(CloseEntry.Content(chains: [chain])) { $0.chains.append(chain) } }
        return parts
    }

    /// The entries that say it.
    ///
    /// - Parameter salt: 16 random bytes for each.
    package func entries(
        log: String, time: UTCTime, period: UTCInterval, size: Int64, salt: () -> [UInt8]
    ) -> [CloseEntry] {
        let parts = parts
        return parts.enumerated().map { index, part in
            CloseEntry(
                log: log, time: time, period: period, size: size, part: Int64(index) + 1, parts: Int64(parts.count),
                content: part, salt: salt())
        }
    }

    /// Where an entry departs from the statement.
    package struct Difference: Sendable, Hashable {
        package var what: String
        package var expected: String
        package var found: String
    }

    /// The first line of an entry that is not the statement's, nil when all are.
    package func difference(from entry: CloseEntry) -> Difference? {
        let parts = parts
        guard entry.parts == Int64(parts.count) else {
            return Difference(
                what: "the number of its parts is wrong", expected: "\(parts.count)", found: "\(entry.parts)")
        }
        let expected = Self.lines(parts[Int(entry.part) - 1])
        let found = Self.lines(entry.content)
        for index in 0..<max(expected.count, found.count) {
            let (right, stated) = (Self.line(expected, index), Self.line(found, index))
            guard right != stated else { continue }
            return Difference(what: "the entries in front of it say something else", expected: right, found: stated)
        }
        return nil
    }

    private static func line(_ lines: [String], _ index: Int) -> String {
        lines.indices.contains(index) ? lines[index] : "nothing more"
    }

    private static func lines(_ content: CloseEntry.Content) -> [String] {
        String(decoding: content.text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
