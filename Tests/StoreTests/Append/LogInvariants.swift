import Testing

@testable import Store

/// What holds of a log after anything.
enum LogInvariants {
    /// Indexes without holes, chains linked without holes, notes and blocks beside their entries, folds equal to the
    /// sums over the entries.
    ///
    /// - Parameter known: every row that may have been sent, to find what an entry posts.
    @discardableResult
    static func check(
        _ connection: Connection, _ log: Int32, known: [AppendRow], location: SourceLocation = #_sourceLocation
    ) throws -> Int64 {
        let byLeaf = Dictionary(known.map { ($0.leaf, $0) }, uniquingKeysWith: { first, _ in first })
        _ = try connection.pipeline(Connection.opening(.snapshot, log: log))
        defer { connection.rollBackIfOpen() }
        let size: Int64 = try connection.query("SELECT size FROM logs WHERE folded = size").get(0, 0)
        let answer = try connection.query(
            """
            SELECT e.index, e.leaf, e.node, e.incarnation, e.seq, n.note, s.block
            FROM entries e JOIN notes n USING (log, index, received)
            LEFT JOIN sample_blocks s USING (log, index, received) ORDER BY e.index
            """)
        #expect(Int64(answer.count) == size, sourceLocation: location)
        var entries: [AppendRow] = []
        for number in 0..<answer.count {
            #expect(try answer.get(number, 0) as Int64 == Int64(number), sourceLocation: location)
            let leaf: [UInt8] = try answer.get(number, 1)
            let row = try #require(byLeaf[leaf], sourceLocation: location)
            #expect(row.link?.node == (try answer.optional(number, 2)), sourceLocation: location)
            #expect(row.link?.incarnation == (try answer.optional(number, 3)), sourceLocation: location)
            #expect(row.link?.seq == (try answer.optional(number, 4)), sourceLocation: location)
            #expect(row.note == (try answer.get(number, 5)), sourceLocation: location)
            #expect(row.samples == (try answer.optional(number, 6)), sourceLocation: location)
            entries.append(row)
        }
        checkChains(entries, location)
        #expect(try FoldContents(reading: connection) == FoldContents(entries: entries), sourceLocation: location)
        return size
    }

    private static func checkChains(_ entries: [AppendRow], _ location: SourceLocation) {
        var heads: [AppendModel.Chain: AppendRow] = [:]
        for row in entries {
            guard let link = row.link else { continue }
            let chain = AppendModel.Chain(node: link.node, incarnation: link.incarnation)
            let before = heads[chain]
            #expect(link.seq == (before?.link?.seq ?? -1) + 1, sourceLocation: location)
            #expect(link.previous == before?.leaf ?? entries[Int(link.incarnation)].leaf, sourceLocation: location)
            heads[chain] = row
        }
    }
}
