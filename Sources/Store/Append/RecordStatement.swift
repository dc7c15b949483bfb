/// The statement that appends entries outside of chains: genesis, nodes, jobs, imports, settings, reports.
///
/// Such an entry is in the log already when its leaf is, or when it imports a file that was imported before; from two
/// processes at once, the log's lock makes one of them the first.
enum RecordStatement {
    static let sql = """
        WITH input AS MATERIALIZED (
            SELECT ord::int AS ord, first, kind, leaf
            FROM unnest($2::int[], $3::smallint[], $4::bytea[]) WITH ORDINALITY AS t (first, kind, leaf, ord)
        ),
        files AS MATERIALIZED (
            SELECT * FROM unnest($6::int[], $7::bigint[], $8::int[], $9::text[], $10::bytea[])
                AS t (ord, job, node, sensor, file_sha256)
        ),
        seen AS MATERIALIZED (
            SELECT i.ord, i.first, coalesce(
                (SELECT e.index FROM entries e WHERE e.log = $1 AND e.leaf = i.leaf AND e.seq IS NULL),
                (SELECT m.incarnation FROM files f JOIN imports m
                    ON m.log = $1 AND m.job = f.job AND m.node = f.node AND m.sensor = f.sensor
                    AND m.file_sha256 = f.file_sha256
                    WHERE f.ord = i.ord)) AS known
            FROM input i
        ),
        fresh AS MATERIALIZED (
            SELECT s.ord, (SELECT size FROM logs WHERE log = $1) + row_number() OVER (ORDER BY s.ord) - 1 AS index
            FROM seen s WHERE s.known IS NULL AND s.first = s.ord
        ),
        spine AS (
            INSERT INTO entries (log, index, kind, received, leaf)
            SELECT $1, f.index, i.kind, statement_timestamp(), i.leaf
            FROM fresh f JOIN input i USING (ord) ORDER BY f.index
        ),
        opened AS (
            INSERT INTO imports (log, job, node, sensor, file_sha256, incarnation)
            SELECT $1, m.job, m.node, m.sensor, m.file_sha256, f.index FROM files m JOIN fresh f USING (ord)
        ),
        \(ChainStatement.common(notes: "$5")),
        \(FoldStatement.sql(firstParameter: 11))
        SELECT coalesce(s.known, f.index), (CASE WHEN f.ord = s.ord THEN 0 ELSE 1 END)::smallint
        FROM seen s LEFT JOIN fresh f ON f.ord = s.first ORDER BY s.ord
        """

    private enum Identity: Hashable {
        case leaf([UInt8])
        case file(ImportedFile)
    }

    /// - Parameter rows: none has a link.
    static func statement(log: Int32, _ rows: [AppendRow], areNew: Bool) -> Statement {
        var firsts: [Identity: Int] = [:]
        let first = rows.enumerated().map { number, row in
            let identities = [.leaf(row.leaf)] + (row.file.map { [.file($0)] } ?? []) as [Identity]
            let known = identities.lazy.compactMap { firsts[$0] }.first ?? number
            for identity in identities where firsts[identity] == nil { firsts[identity] = known }
            return known
        }
        let files = rows.enumerated().compactMap { number, row in row.file.map { (Int32(number + 1), $0) } }
        let arrays: [Parameter] = [
            .int4(log), .int4s(first.map { Int32($0 + 1) }), .int2s(rows.map(\.kind.rawValue)),
            .byteas(rows.map(\.leaf)), .byteas(rows.map(\.note)), .int4s(files.map { $0.0 }),
            .int8s(files.map { $0.1.job }), .int4s(files.map { $0.1.node }), .texts(files.map { $0.1.sensor }),
            .byteas(files.map { $0.1.sha256 }),
        ]
        return Statement(sql, arrays + FoldStatement.parameters(rows, areNew: areNew))
    }
}
