/// The part of both append statements that adds to the folds, over arrays, for the rows in `fresh (ord, index)`.
enum FoldStatement {
    /// The arrays that `parameters` gives.
    static let parameterCount = 29

    /// Common table expressions, with the first parameter's number.
    ///
    /// Each fold takes its keys in the order of its primary key. Energies are numeric in the folds: whatever single
    /// nodes say, the sums hold it. Only the node-time of one node for one job is a bigint, and overflows as an error.
    static func sql(firstParameter: Int) -> String {
        func p(_ offset: Int) -> String { "$\(firstParameter + offset)" }
        return """
            posts AS MATERIALIZED (
                SELECT p.*
                FROM unnest(
                    \(p(0))::int[], \(p(1))::int[], \(p(2))::bigint[], \(p(3))::smallint[], \(p(4))::int[],
                    \(p(5))::int[], \(p(6))::smallint[], \(p(7))::smallint[], \(p(8))::smallint[],
                    \(p(9))::smallint[], \(p(10))::bigint[], \(p(11))::bigint[], \(p(12))::bigint[],
                    \(p(13))::bigint[], \(p(14))::bigint[])
                    AS p (ord, node, job, account, hour, minute, site, provenance, boundary, rule,
                        accelerator, cpu, dram, rest, network)
                JOIN fresh USING (ord)
            ),
            hourly AS (
                INSERT INTO energy_hourly AS t
                SELECT $1, job, account, hour, node, provenance, boundary, rule, \(sums)
                FROM posts GROUP BY job, account, hour, node, provenance, boundary, rule
                ORDER BY job, account, hour, node, provenance, boundary, rule
                ON CONFLICT (log, job, account, hour, node, provenance, boundary, rule) DO UPDATE SET \(additions)
            ),
            jobs AS (
                INSERT INTO job_hourly AS t
                SELECT $1, hour, job, account, site, provenance, boundary, rule, \(sums)
                FROM posts GROUP BY hour, job, account, site, provenance, boundary, rule
                ORDER BY hour, job, account, site, provenance, boundary, rule
                ON CONFLICT (log, hour, job, account, site, provenance, boundary, rule) DO UPDATE SET \(additions)
            ),
            minutely AS (
                INSERT INTO power_minutely AS t
                SELECT $1, minute, job,
                    sum(accelerator) + sum(cpu) + sum(dram) + sum(rest) + sum(network)
                FROM posts WHERE account NOT IN (5, 6) GROUP BY minute, job ORDER BY minute, job
                ON CONFLICT (log, minute, job) DO UPDATE SET uj = t.uj + excluded.uj
            ),
            covered AS (
                INSERT INTO coverage_hourly AS t
                SELECT $1, c.job, c.node, c.hour, sum(c.measured)::bigint, sum(c.bridged)::bigint,
                    sum(c.missing)::bigint
                FROM unnest(
                    \(p(15))::int[], \(p(16))::int[], \(p(17))::bigint[], \(p(18))::int[], \(p(19))::bigint[],
                    \(p(20))::bigint[], \(p(21))::bigint[])
                    AS c (ord, node, job, hour, measured, bridged, missing)
                JOIN fresh USING (ord) GROUP BY c.job, c.node, c.hour ORDER BY c.job, c.node, c.hour
                ON CONFLICT (log, job, node, hour) DO UPDATE SET
                    measured_ms = t.measured_ms + excluded.measured_ms,
                    bridged_ms = t.bridged_ms + excluded.bridged_ms,
                    missing_ms = t.missing_ms + excluded.missing_ms
            ),
            holes AS (
                INSERT INTO gaps (log, index, part, node, job, from_us, to_us, kind)
                SELECT $1, f.index, g.part, g.node, g.job, g.from_us, g.to_us, g.kind
                FROM unnest(
                    \(p(22))::int[], \(p(23))::int[], \(p(24))::int[], \(p(25))::bigint[], \(p(26))::bigint[],
                    \(p(27))::bigint[], \(p(28))::smallint[])
                    AS g (ord, part, node, job, from_us, to_us, kind)
                JOIN fresh f USING (ord) ORDER BY f.index, g.part
            )
            """
    }

    private static let components = ["accelerator", "cpu", "dram", "rest", "network"]
    private static let sums = components.map { "sum(\($0))" }.joined(separator: ", ")
    private static let additions = components.map { "\($0) = t.\($0) + excluded.\($0)" }.joined(separator: ", ")

    /// The arrays, with each row's number from 1.
    static func parameters(_ rows: [AppendRow]) -> [Parameter] {
        postings(rows) + coverage(rows) + gaps(rows)
    }

    /// What belongs to a row, with the row's number.
    private static func numbered<Item>(_ rows: [AppendRow], _ items: (AppendRow) -> [Item]) -> [(Int32, Item)] {
        rows.enumerated().flatMap { number, row in items(row).map { (Int32(number + 1), $0) } }
    }

    private static func postings(_ rows: [AppendRow]) -> [Parameter] {
        let all = numbered(rows, \.postings)
        return [
            .int4s(all.map { $0.0 }), .int4s(all.map { $0.1.node }), .int8s(all.map { $0.1.job }),
            .int2s(all.map { $0.1.account.rawValue }), .int4s(all.map { $0.1.hour }),
            .int4s(all.map { $0.1.minute }), .int2s(all.map { $0.1.site }),
            .int2s(all.map { $0.1.quality.provenance }), .int2s(all.map { $0.1.quality.boundary }),
            .int2s(all.map { $0.1.quality.rule }), .int8s(all.map { $0.1.energy.accelerator }),
            .int8s(all.map { $0.1.energy.cpu }), .int8s(all.map { $0.1.energy.dram }),
            .int8s(all.map { $0.1.energy.rest }), .int8s(all.map { $0.1.energy.network }),
        ]
    }

    private static func coverage(_ rows: [AppendRow]) -> [Parameter] {
        let all = numbered(rows, \.coverage)
        return [
            .int4s(all.map { $0.0 }), .int4s(all.map { $0.1.node }), .int8s(all.map { $0.1.job }),
            .int4s(all.map { $0.1.hour }), .int8s(all.map { $0.1.measuredMilliseconds }),
            .int8s(all.map { $0.1.bridgedMilliseconds }), .int8s(all.map { $0.1.missingMilliseconds }),
        ]
    }

    private static func gaps(_ rows: [AppendRow]) -> [Parameter] {
        let all = numbered(rows) { row in
            row.gaps.enumerated().map { (part: Int32(truncatingIfNeeded: $0.offset), gap: $0.element) }
        }
        return [
            .int4s(all.map { $0.0 }), .int4s(all.map { $0.1.part }), .int4s(all.map { $0.1.gap.node }),
            .int8s(all.map { $0.1.gap.job }), .int8s(all.map { $0.1.gap.fromMicroseconds }),
            .int8s(all.map { $0.1.gap.toMicroseconds }), .int2s(all.map { $0.1.gap.kind }),
        ]
    }
}
