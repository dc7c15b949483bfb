/// The part of both append statements that adds to the folds, over arrays, for the rows in `fresh (ord, index)`.
enum FoldStatement {
    /// The arrays that `parameters` gives.
    static let parameterCount = 32

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
                    \(p(5))::smallint[], \(p(6))::smallint[], \(p(7))::smallint[], \(p(8))::smallint[],
                    \(p(9))::bigint[], \(p(10))::bigint[], \(p(11))::bigint[], \(p(12))::bigint[], \(p(13))::bigint[])
                    AS p (ord, node, job, account, hour, site, provenance, boundary, rule,
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
                SELECT $1, m.minute, m.job, sum(m.uj)
                FROM unnest(\(p(14))::int[], \(p(15))::int[], \(p(16))::bigint[], \(p(17))::bigint[])
                    AS m (ord, minute, job, uj)
                JOIN fresh USING (ord) GROUP BY m.minute, m.job ORDER BY m.minute, m.job
                ON CONFLICT (log, minute, job) DO UPDATE SET uj = t.uj + excluded.uj
            ),
            covered AS (
                INSERT INTO coverage_hourly AS t
                SELECT $1, c.job, c.node, c.hour, sum(c.measured)::bigint, sum(c.bridged)::bigint,
                    sum(c.missing)::bigint
                FROM unnest(
                    \(p(18))::int[], \(p(19))::int[], \(p(20))::bigint[], \(p(21))::int[], \(p(22))::bigint[],
                    \(p(23))::bigint[], \(p(24))::bigint[])
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
                    \(p(25))::int[], \(p(26))::int[], \(p(27))::int[], \(p(28))::bigint[], \(p(29))::bigint[],
                    \(p(30))::bigint[], \(p(31))::smallint[])
                    AS g (ord, part, node, job, from_us, to_us, kind)
                JOIN fresh f USING (ord) ORDER BY f.index, g.part
            )
            """
    }

    private static let components = ["accelerator", "cpu", "dram", "rest", "network"]
    private static let sums = components.map { "sum(\($0))" }.joined(separator: ", ")
    private static let additions = components.map { "\($0) = t.\($0) + excluded.\($0)" }.joined(separator: ", ")

    /// The arrays, with each row's number from 1.
    ///
    /// - Parameter areNew: every row is certain to be appended, so that sums may run over all of them.
    static func parameters(_ rows: [AppendRow], areNew: Bool) -> [Parameter] {
        hours(rows, areNew) + minutes(rows, areNew) + coverage(rows, areNew) + gaps(rows)
    }

    private struct HourKey: Hashable {
        var node: Int32
        var job: Int64
        var account: Int16
        var hour: Int32
        var site: Int16
        var quality: EnergyQuality
    }

    private static func hours(_ rows: [AppendRow], _ areNew: Bool) -> [Parameter] {
        var sums = FoldSums<HourKey, ComponentEnergy>(spansRows: areNew)
        for (number, row) in rows.enumerated() {
            for posting in row.postings {
                let key = HourKey(
                    node: posting.node, job: posting.job, account: posting.account.rawValue, hour: posting.hour,
                    site: posting.site, quality: posting.quality)
                sums.add(posting.energy, to: key, row: Int32(number + 1))
            }
        }
        let lines = sums.lines
        return [
            .int4s(lines.map(\.row)), .int4s(lines.map(\.key.node)), .int8s(lines.map(\.key.job)),
            .int2s(lines.map(\.key.account)), .int4s(lines.map(\.key.hour)), .int2s(lines.map(\.key.site)),
            .int2s(lines.map(\.key.quality.provenance)), .int2s(lines.map(\.key.quality.boundary)),
            .int2s(lines.map(\.key.quality.rule)), .int8s(lines.map(\.value.accelerator)),
            .int8s(lines.map(\.value.cpu)), .int8s(lines.map(\.value.dram)), .int8s(lines.map(\.value.rest)),
            .int8s(lines.map(\.value.network)),
        ]
    }

    private struct MinuteKey: Hashable {
        var job: Int64
        var minute: Int32
    }

    /// Without the accounts whose energy another account or log carries.
    private static func minutes(_ rows: [AppendRow], _ areNew: Bool) -> [Parameter] {
        var sums = FoldSums<MinuteKey, Int64>(spansRows: areNew)
        for (number, row) in rows.enumerated() {
            for posting in row.postings where posting.account != .tenant && posting.account != .superseded {
                let key = MinuteKey(job: posting.job, minute: posting.minute)
                let energy = posting.energy
                for part in [energy.accelerator, energy.cpu, energy.dram, energy.rest, energy.network] where part != 0 {
                    sums.add(part, to: key, row: Int32(number + 1))
                }
            }
        }
        let lines = sums.lines
        return [
            .int4s(lines.map(\.row)), .int4s(lines.map(\.key.minute)), .int8s(lines.map(\.key.job)),
            .int8s(lines.map(\.value)),
        ]
    }

    private struct CoverageKey: Hashable {
        var node: Int32
        var job: Int64
        var hour: Int32
    }

    private static func coverage(_ rows: [AppendRow], _ areNew: Bool) -> [Parameter] {
        var sums = FoldSums<CoverageKey, CoveredTime>(spansRows: areNew)
        for (number, row) in rows.enumerated() {
            for part in row.coverage {
                let time = CoveredTime(
                    measuredMilliseconds: part.measuredMilliseconds, bridgedMilliseconds: part.bridgedMilliseconds,
                    missingMilliseconds: part.missingMilliseconds)
                sums.add(
                    time, to: CoverageKey(node: part.node, job: part.job, hour: part.hour), row: Int32(number + 1))
            }
        }
        let lines = sums.lines
        return [
            .int4s(lines.map(\.row)), .int4s(lines.map(\.key.node)), .int8s(lines.map(\.key.job)),
            .int4s(lines.map(\.key.hour)), .int8s(lines.map(\.value.measuredMilliseconds)),
            .int8s(lines.map(\.value.bridgedMilliseconds)), .int8s(lines.map(\.value.missingMilliseconds)),
        ]
    }

    private static func gaps(_ rows: [AppendRow]) -> [Parameter] {
        let all = rows.enumerated().flatMap { number, row in
            row.gaps.enumerated().map { part, gap in
                (row: Int32(number + 1), part: Int32(truncatingIfNeeded: part), gap: gap)
            }
        }
        return [
            .int4s(all.map(\.row)), .int4s(all.map(\.part)), .int4s(all.map(\.gap.node)), .int8s(all.map(\.gap.job)),
            .int8s(all.map(\.gap.fromMicroseconds)), .int8s(all.map(\.gap.toMicroseconds)),
            .int2s(all.map(\.gap.kind)),
        ]
    }
}
