/// The statement that appends chained entries: everything about a group in one statement over arrays.
///
/// It runs after the log's row was locked by a statement of its own. Its snapshot is then younger than the lock, so
/// that it sees what the writer before has committed; a lock within the statement would not do.
///
/// A chain in the log has no holes, hence of a group's rows of one chain, in their order:
/// - a row whose (node, incarnation, seq) is in the log is a duplicate or, with another leaf, an equivocation;
/// - the others are appended up to the first that does not attach. The first of them attaches to the log, each later
///   one to the one before it. Nothing attaches to a closed chain, or after a contradiction within the group.
///
/// The sets below say this without recursion: `linked` knows each row's predecessor by `lag`, `judged` takes the
/// longest prefix by `bool_and`.
enum ChainStatement {
    static let sql = """
        WITH input AS MATERIALIZED (
            SELECT ord::int AS ord, first, differs, kind, node, incarnation, seq, previous, leaf
            FROM unnest(
                $2::int[], $3::bool[], $4::smallint[], $5::int[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bytea[]
                ) WITH ORDINALITY
                AS t (first, differs, kind, node, incarnation, seq, previous, leaf, ord)
        ),
        seen AS MATERIALIZED (
            SELECT i.ord, i.first, i.node, i.incarnation, i.seq, i.previous, i.leaf, k.index AS known,
                coalesce(k.leaf <> i.leaf, i.differs) AS conflict
            FROM input i
            LEFT JOIN LATERAL (
                SELECT e.index, e.leaf FROM entries e
                WHERE e.log = $1 AND e.node = i.node AND e.incarnation = i.incarnation AND e.seq = i.seq
                LIMIT 1
            ) k ON true
        ),
        ordered AS MATERIALIZED (
            SELECT s.*, coalesce(bool_or(s.conflict) OVER earlier, false) AS contradicted
            FROM seen s
            WINDOW earlier AS (
                PARTITION BY s.node, s.incarnation ORDER BY s.ord
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ),
        linked AS MATERIALIZED (
            SELECT o.ord, o.node, o.incarnation, o.seq, o.previous, o.contradicted,
                lag(o.seq) OVER chain AS before_seq, lag(o.leaf) OVER chain AS before_leaf
            FROM ordered o
            WHERE o.known IS NULL AND o.first = o.ord
            WINDOW chain AS (PARTITION BY o.node, o.incarnation ORDER BY o.ord)
        ),
        judged AS (
            SELECT l.ord, bool_and(NOT l.contradicted AND CASE
                WHEN l.before_seq IS NOT NULL THEN l.seq - 1 = l.before_seq AND l.previous = l.before_leaf
                WHEN EXISTS (
                    SELECT FROM equivocations q
                    WHERE q.log = $1 AND q.node = l.node AND q.incarnation = l.incarnation) THEN false
                WHEN l.seq = 0 THEN coalesce(l.previous = (
                    SELECT e.leaf FROM entries e WHERE e.log = $1 AND e.index = l.incarnation), false)
                ELSE coalesce(l.previous = (
                    SELECT e.leaf FROM entries e
                    WHERE e.log = $1 AND e.node = l.node AND e.incarnation = l.incarnation AND e.seq = l.seq - 1
                ), false)
                END) OVER (PARTITION BY l.node, l.incarnation ORDER BY l.ord) AS attached
            FROM linked l
        ),
        fresh AS MATERIALIZED (
            SELECT j.ord, (SELECT size FROM logs WHERE log = $1) + row_number() OVER (ORDER BY j.ord) - 1 AS index
            FROM judged j WHERE j.attached
        ),
        spine AS (
            INSERT INTO entries (log, index, kind, node, incarnation, seq, received, leaf)
            SELECT $1, f.index, i.kind, i.node, i.incarnation, i.seq, statement_timestamp(), i.leaf
            FROM fresh f JOIN input i USING (ord) ORDER BY f.index
        ),
        blocks AS (
            INSERT INTO sample_blocks (log, index, received, block)
            SELECT $1, f.index, statement_timestamp(), b.samples
            FROM unnest($11::bytea[]) WITH ORDINALITY AS b (samples, ord) JOIN fresh f ON f.ord = b.ord
            WHERE b.samples IS NOT NULL
        ),
        verdicts AS MATERIALIZED (
            SELECT o.ord, o.node, o.incarnation, o.seq, o.leaf, coalesce(o.known, f.index) AS index,
                CASE
                    WHEN f.ord = o.ord THEN 0
                    WHEN o.known IS NULL AND f.ord IS NULL THEN 3
                    WHEN o.conflict THEN 2
                    ELSE 1
                END AS verdict
            FROM ordered o LEFT JOIN fresh f ON f.ord = o.first
        ),
        forks AS (
            INSERT INTO equivocations (log, node, incarnation, seq, received, leaf, note)
            SELECT DISTINCT ON (v.node, v.incarnation)
                $1, v.node, v.incarnation, v.seq, statement_timestamp(), v.leaf, n.note
            FROM verdicts v JOIN unnest($10::bytea[]) WITH ORDINALITY AS n (note, ord) ON n.ord = v.ord
            WHERE v.verdict = 2
            ORDER BY v.node, v.incarnation, v.ord
            ON CONFLICT DO NOTHING
        ),
        \(common(notes: "$10")),
        \(FoldStatement.sql(firstParameter: 12))
        SELECT v.index, (CASE
            WHEN v.verdict = 3 AND (
                bool_or(v.verdict = 2) OVER (PARTITION BY v.node, v.incarnation ORDER BY v.ord)
                OR EXISTS (
                    SELECT FROM equivocations q
                    WHERE q.log = $1 AND q.node = v.node AND q.incarnation = v.incarnation)) THEN 4
            ELSE v.verdict END)::smallint
        FROM verdicts v ORDER BY v.ord
        """

    /// What both append statements do with `fresh (ord, index)`.
    ///
    /// The notes are read from their parameter once, where they are written: a set that carried them would copy all of
    /// their bytes at each of its joins, under the log's lock.
    static func common(notes: String) -> String {
        """
        texts AS (
            INSERT INTO notes (log, index, received, note)
            SELECT $1, f.index, statement_timestamp(), n.note
            FROM unnest(\(notes)::bytea[]) WITH ORDINALITY AS n (note, ord) JOIN fresh f ON f.ord = n.ord
        ),
        grown AS (
            UPDATE logs SET
                size = size + n.count,
                -- A rebuild that is under way folds these too when it comes to them.
                folded = CASE WHEN folded = size THEN folded + n.count ELSE folded END
            FROM (SELECT count(*) AS count FROM fresh) n
            WHERE log = $1 AND n.count > 0
        )
        """
    }

    private struct Place: Hashable {
        let node: Int32
        let incarnation: Int64
        let seq: Int64
    }

    /// - Parameter rows: each has a link.
    static func statement(log: Int32, _ rows: [AppendRow], areNew: Bool) -> Statement {
        let links = rows.compactMap(\.link)
        var firsts: [Place: Int] = [:]
        let first = links.enumerated().map { number, link in
            let place = Place(node: link.node, incarnation: link.incarnation, seq: link.seq)
            if let known = firsts[place] { return known }
            firsts[place] = number
            return number
        }
        let differs = first.enumerated().map { number, first in rows[number].leaf != rows[first].leaf }
        let arrays: [Parameter] = [
            .int4(log), .int4s(first.map { Int32($0 + 1) }), .bools(differs), .int2s(rows.map(\.kind.rawValue)),
            .int4s(links.map(\.node)), .int8s(links.map(\.incarnation)), .int8s(links.map(\.seq)),
            .byteas(links.map(\.previous)), .byteas(rows.map(\.leaf)), .byteas(rows.map(\.note)),
            .byteas(rows.map(\.samples)),
        ]
        return Statement(sql, arrays + FoldStatement.parameters(rows, areNew: areNew))
    }
}
