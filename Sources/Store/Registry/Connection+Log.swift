/// One organization with its log.
package struct OrganizationRow: Sendable, Hashable {
    package var log: Int32
    package var slug: String
    package var name: String
    package var origin: String

    package init(log: Int32, slug: String, name: String, origin: String) {
        self.log = log
        self.slug = slug
        self.name = name
        self.origin = origin
    }
}

/// One entry as it is kept.
package struct EntryRow: Sendable {
    package var index: Int64
    package var note: [UInt8]
    /// The block of readings, nil where there is none or it was not asked for.
    package var samples: [UInt8]?
}

extension Connection {
    package func organizations() throws(StoreError) -> [OrganizationRow] {
        let rows = try query("SELECT log, slug, name, origin FROM organizations ORDER BY log")
        return try rows.map { row throws(StoreError) in
            OrganizationRow(log: try row.get(0), slug: try row.get(1), name: try row.get(2), origin: try row.get(3))
        }
    }

    /// Makes an organization with an empty log.
    package func foundOrganization(slug: String, name: String, origin: String) throws(StoreError) -> Int32 {
        try query("SELECT found_organization($1, $2, $3)", [.text(slug), .text(name), .text(origin)]).get(0, 0)
    }

    package func size(log: Int32) throws(StoreError) -> Int64 {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let size = try query("SELECT size FROM logs WHERE log = $1", [.int4(log)])
                .first { row throws(StoreError) in try row.get(0, as: Int64.self) }
            guard let size else { throw StoreError(.unknownLog, "there is no log \(log)") }
            return size
        }
    }

    /// Leaf hashes of a range of indexes, in order.
    package func leaves(log: Int32, _ range: Range<Int64>) throws(StoreError) -> [[UInt8]] {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query(
                "SELECT leaf FROM entries WHERE log = $1 AND index >= $2 AND index < $3 ORDER BY index",
                [.int4(log), .int8(range.lowerBound), .int8(range.upperBound)])
            return try rows.map { row throws(StoreError) in try row.get(0) }
        }
    }

    /// The first and the last note of a chain; one note twice when it holds one batch, none when it holds none.
    package func chainEnds(log: Int32, incarnation: Int64) throws(StoreError) -> [[UInt8]] {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query(
                """
                WITH chain AS (SELECT DISTINCT node FROM nodes WHERE log = $1), ends AS (
                    SELECT e.index, e.received, e.seq FROM chain c CROSS JOIN LATERAL (
                        (SELECT index, received, seq FROM entries
                         WHERE log = $1 AND node = c.node AND incarnation = $2 ORDER BY seq LIMIT 1)
                        UNION ALL
                        (SELECT index, received, seq FROM entries
                         WHERE log = $1 AND node = c.node AND incarnation = $2 ORDER BY seq DESC LIMIT 1)) e)
                SELECT n.note FROM ends e JOIN notes n ON n.log = $1 AND n.index = e.index AND n.received = e.received
                ORDER BY e.seq
                """, [.int4(log), .int8(incarnation)])
            return try rows.map { row throws(StoreError) in try row.get(0) }
        }
    }

    /// The notes of a range of indexes, in order, with their sample blocks if wanted.
    package func entries(
        log: Int32, _ range: Range<Int64>, withSamples: Bool = false
    ) throws(StoreError) -> [EntryRow] {
        let samples = withSamples ? "s.block" : "NULL::bytea"
        let join =
            withSamples
            ? "LEFT JOIN sample_blocks s ON s.log = e.log AND s.index = e.index AND s.received = e.received" : ""
        return try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query(
                """
                SELECT e.index, n.note, \(samples) FROM entries e
                JOIN notes n ON n.log = e.log AND n.index = e.index AND n.received = e.received \(join)
                WHERE e.log = $1 AND e.index >= $2 AND e.index < $3 ORDER BY e.index
                """, [.int4(log), .int8(range.lowerBound), .int8(range.upperBound)])
            return try rows.map { row throws(StoreError) in
                EntryRow(index: try row.get(0), note: try row.get(1), samples: try row.optional(2))
            }
        }
    }

    /// Every entry that is no batch, in order: what the registers are made of.
    package func records(log: Int32, from index: Int64) throws(StoreError) -> [EntryRow] {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query(
                """
                SELECT e.index, n.note FROM entries e
                JOIN notes n ON n.log = e.log AND n.index = e.index AND n.received = e.received
                WHERE e.log = $1 AND e.index >= $2 AND e.kind NOT IN (5, 12) ORDER BY e.index
                """, [.int4(log), .int8(index)])
            return try rows.map { row throws(StoreError) in
                EntryRow(index: try row.get(0), note: try row.get(1), samples: nil)
            }
        }
    }

    package func storeCheckpoint(log: Int32, size: Int64, note: [UInt8]) throws(StoreError) {
        try transaction(log: log) { () throws(StoreError) -> Void in
            try query(
                "UPDATE logs SET checkpoint_size = $2, checkpoint = $3 WHERE log = $1 AND checkpoint_size <= $2",
                [.int4(log), .int8(size), .bytea(note)])
            try query(
                "INSERT INTO checkpoints (log, size, at, note) VALUES ($1, $2, clock_timestamp(), $3)",
                [.int4(log), .int8(size), .bytea(note)])
        }
    }

    // MARK: Tokens

    /// What a token may do.
    package enum TokenKind: Int16, Sendable {
        case bearer = 1
        case join = 2
        /// A bearer token that may also found organizations.
        case `operator` = 3
    }

    package func addToken(
        log: Int32, sha256: [UInt8], kind: TokenKind, uses: Int32?, ttlSeconds: Int64?
    ) throws(StoreError) {
        try transaction(log: log) { () throws(StoreError) -> Void in
            try query(
                """
                INSERT INTO tokens (log, token_sha256, kind, uses_left, expires)
                VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5::bigint))
                """,
                [.int4(log), .bytea(sha256), .int2(kind.rawValue), .int4(uses), .int8(ttlSeconds)])
        }
    }

    /// Whose token this is, nil for an unknown or expired one.
    package func token(sha256: [UInt8]) throws(StoreError) -> (log: Int32, kind: TokenKind)? {
        let rows = try query(
            """
            SELECT log, kind FROM tokens
            WHERE token_sha256 = $1 AND (expires IS NULL OR expires > now()) AND coalesce(uses_left, 1) > 0
            """, [.bytea(sha256)])
        let found = try rows.first { row throws(StoreError) in
            (try row.get(0, as: Int32.self), try row.get(1, as: Int16.self))
        }
        return found.flatMap { found in TokenKind(rawValue: found.1).map { (found.0, $0) } }
    }

    /// Takes one use of a join token; false when none is left.
    package func useToken(log: Int32, sha256: [UInt8]) throws(StoreError) -> Bool {
        try transaction(log: log) { () throws(StoreError) in
            try query(
                """
                UPDATE tokens SET uses_left = uses_left - 1
                WHERE log = $1 AND token_sha256 = $2 AND (expires IS NULL OR expires > now()) AND uses_left > 0
                """, [.int4(log), .bytea(sha256)]).affected == 1
        }
    }
}
