/// An entry as it was received.
package struct StoredEntry: Sendable, Equatable {
    package let index: Int64
    package let kind: EntryKind
    package let received: Timestamp
    package let leaf: [UInt8]
    package let note: [UInt8]
}

/// The last entry of a chain.
package struct ChainHead: Sendable, Equatable {
    package let node: Int32
    package let incarnation: Int64
    package let seq: Int64
    package let index: Int64
    package let leaf: [UInt8]
    package let note: [UInt8]
}

/// What closed a chain: the first note that contradicts it.
package struct Equivocation: Sendable, Equatable {
    package let node: Int32
    package let incarnation: Int64
    package let seq: Int64
    package let received: Timestamp
    package let leaf: [UInt8]
    package let note: [UInt8]
}

extension Snapshot {
    /// Entries are found through the spine, which knows in which partition of notes to look.
    private static let entryColumns = """
        SELECT e.index, e.kind, e.received, e.leaf, n.note
        FROM entries e JOIN notes n ON n.log = e.log AND n.index = e.index AND n.received = e.received
        """

    private static func entry(_ row: Row) throws(StoreError) -> StoredEntry {
        guard let kind = EntryKind(rawValue: try row.get(1)) else {
            throw StoreError(
                .unexpectedAnswer, "the log has a kind of entry that this program does not know",
                hint: "run the version that appended it, or a newer one")
        }
        return StoredEntry(
            index: try row.get(0), kind: kind, received: try row.get(2), leaf: try row.get(3), note: try row.get(4))
    }

    /// The entry at an index; `nil` beyond the log's end.
    package func entry(at index: Int64) throws(StoreError) -> StoredEntry? {
        try query("\(Self.entryColumns) WHERE e.log = $1 AND e.index = $2", [.int8(index)]).first(Self.entry)
    }

    /// Every entry of the range in order, fetched in portions so that memory does not grow with the range.
    package func forEachEntry(
        in range: Range<Int64>, portion: Int64 = 512, _ body: (StoredEntry) throws(StoreError) -> Void
    ) throws(StoreError) {
        let end = min(range.upperBound, size)
        var start = max(range.lowerBound, 0)
        while start < end {
            let stop = min(end, start + max(portion, 1))
            let rows = try query(
                "\(Self.entryColumns) WHERE e.log = $1 AND e.index >= $2 AND e.index < $3 ORDER BY e.index",
                [.int8(start), .int8(stop)])
            // A hole would shift every later hash: it must not pass for a short log.
            guard rows.count == Int(stop - start) else {
                throw StoreError(.unexpectedAnswer, "entries [\(start), \(stop)) of log \(log) are not all there")
            }
            for entry in try rows.map(Self.entry) { try body(entry) }
            start = stop
        }
    }

    /// The leaf hashes of the range, one after the other, 32 bytes each.
    package func leaves(in range: Range<Int64>) throws(StoreError) -> [UInt8] {
        let rows = try query(
            "SELECT leaf FROM entries WHERE log = $1 AND index >= $2 AND index < $3 ORDER BY index",
            [.int8(range.lowerBound), .int8(range.upperBound)])
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * 32)
        for row in 0..<rows.count { bytes += try rows.get(row, 0, as: [UInt8].self) }
        guard rows.count == range.clamped(to: 0..<size).count else {
            throw StoreError(.unexpectedAnswer, "entries \(range) of log \(log) are not all there")
        }
        return bytes
    }

    /// Everything in the range but batches and extracts: genesis, nodes, jobs, settings, reports, in order.
    package func records(in range: Range<Int64>) throws(StoreError) -> [StoredEntry] {
        try query(
            """
            \(Self.entryColumns)
            WHERE e.log = $1 AND e.kind NOT IN (5, 12) AND e.index >= $2 AND e.index < $3 ORDER BY e.index
            """, [.int8(range.lowerBound), .int8(range.upperBound)]
        ).map(Self.entry)
    }

    /// The chains, by their incarnations, that have entries in the range.
    package func chains(in range: Range<Int64>) throws(StoreError) -> [Int64] {
        try query(
            """
            SELECT DISTINCT incarnation FROM entries
            WHERE log = $1 AND index >= $2 AND index < $3 AND incarnation IS NOT NULL
            """, [.int8(range.lowerBound), .int8(range.upperBound)]
        ).map { row throws(StoreError) in try row.get(0) }
    }

    /// Where an entry outside of chains stands.
    package func index(ofRecord leaf: [UInt8]) throws(StoreError) -> Int64? {
        try query("SELECT index FROM entries WHERE log = $1 AND leaf = $2 AND seq IS NULL", [.bytea(leaf)])
            .first { row throws(StoreError) in try row.get(0) }
    }

    /// The block of readings of an entry; `nil` when it had none or retention has deleted it.
    package func samples(at index: Int64) throws(StoreError) -> [UInt8]? {
        try query(
            """
            SELECT s.block FROM entries e JOIN sample_blocks s
                ON s.log = e.log AND s.index = e.index AND s.received = e.received
            WHERE e.log = $1 AND e.index = $2
            """, [.int8(index)]
        ).first { row throws(StoreError) in try row.get(0) }
    }

    private static func head(_ row: Row) throws(StoreError) -> ChainHead {
        ChainHead(
            node: try row.get(0), incarnation: try row.get(1), seq: try row.get(2), index: try row.get(3),
            leaf: try row.get(4), note: try row.get(5))
    }

    /// The last entry of a chain; `nil` while it has none beyond the entry that opened it.
    package func head(node: Int32, incarnation: Int64) throws(StoreError) -> ChainHead? {
        try query(
            """
            SELECT e.node, e.incarnation, e.seq, e.index, e.leaf, n.note
            FROM entries e JOIN notes n ON n.log = e.log AND n.index = e.index AND n.received = e.received
            WHERE e.log = $1 AND e.node = $2 AND e.incarnation = $3
            ORDER BY e.seq DESC LIMIT 1
            """, [.int4(node), .int8(incarnation)]
        ).first(Self.head)
    }

    /// The first note of a chain; `nil` while it has none.
    package func firstNote(node: Int32, incarnation: Int64) throws(StoreError) -> [UInt8]? {
        try query(
            """
            SELECT n.note FROM entries e JOIN notes n ON n.log = e.log AND n.index = e.index AND n.received = e.received
            WHERE e.log = $1 AND e.node = $2 AND e.incarnation = $3
            ORDER BY e.seq LIMIT 1
            """, [.int4(node), .int8(incarnation)]
        ).first { row throws(StoreError) in try row.get(0) }
    }

    /// The last entry of each of a node's chains, the newest chain first. Chains without a batch are not among them.
    ///
    /// Steps from chain to chain along the unique index: a node has few chains and a million batches a year.
    package func heads(node: Int32) throws(StoreError) -> [ChainHead] {
        try query(
            """
            WITH RECURSIVE chains AS (
                SELECT max(incarnation) AS incarnation FROM entries WHERE log = $1 AND node = $2
                UNION ALL
                SELECT (SELECT max(e.incarnation) FROM entries e
                    WHERE e.log = $1 AND e.node = $2 AND e.incarnation < c.incarnation)
                FROM chains c WHERE c.incarnation IS NOT NULL
            )
            SELECT $2, c.incarnation, h.seq, h.index, h.leaf, n.note
            FROM chains c
            CROSS JOIN LATERAL (
                SELECT e.seq, e.index, e.leaf, e.received FROM entries e
                WHERE e.log = $1 AND e.node = $2 AND e.incarnation = c.incarnation ORDER BY e.seq DESC LIMIT 1
            ) h
            JOIN notes n ON n.log = $1 AND n.index = h.index AND n.received = h.received
            ORDER BY c.incarnation DESC
            """, [.int4(node)]
        ).map(Self.head)
    }

    /// The contradictions that closed chains, by their time of receipt.
    package func equivocations() throws(StoreError) -> [Equivocation] {
        try query(
            """
            SELECT node, incarnation, seq, received, leaf, note FROM equivocations WHERE log = $1
            ORDER BY received, node, incarnation
            """
        ).map { row throws(StoreError) in
            Equivocation(
                node: try row.get(0), incarnation: try row.get(1), seq: try row.get(2), received: try row.get(3),
                leaf: try row.get(4), note: try row.get(5))
        }
    }

    /// Where a note no longer hashes to its leaf, for a scrub in the background: the database was tampered with or
    /// its disk rots.
    package func damagedEntries(in range: Range<Int64>) throws(StoreError) -> [Int64] {
        try query(
            """
            SELECT e.index FROM entries e
            LEFT JOIN notes n ON n.log = e.log AND n.index = e.index AND n.received = e.received
            WHERE e.log = $1 AND e.index >= $2 AND e.index < $3
                AND e.leaf IS DISTINCT FROM sha256('\\x00'::bytea || n.note)
            ORDER BY e.index
            """, [.int8(range.lowerBound), .int8(range.upperBound)]
        ).map { row throws(StoreError) in try row.get(0) }
    }
}
