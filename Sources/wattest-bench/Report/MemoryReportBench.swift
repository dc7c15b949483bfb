import Accounts
import Disclosure
import Energy
import JSONText
import TransparencyLog

/// The same without a database: what a report, the list of jobs and a single job cost when the log has been read.
struct MemoryReportBench {
    let plan: YearPlan
    let parts: [Int]
    let slices: Int
    let seed: UInt64

    private struct Row {
        var batches: Int
        var sums: Int
        var report: [Double] = []
        var list: [Double] = []
        var show: [Double] = []
        var sha256: MerkleHash?
    }

    func run(json: Bool) throws {
        let year = ReportYear(plan: plan, seed: seed)
        let rows = try parts.map { try row(year, parts: $0) }
        guard Set(rows.map(\.sha256)).count == 1 else {
            throw BenchError("the number of batches behind a report changes its bytes")
        }
        json ? print(object(rows).text(.compact)) : print(table(rows))
    }

    private func row(_ year: ReportYear, parts: Int) throws -> Row {
        let (input, pseudonyms) = try year.input(parts: parts)
        let sums = input.accounts.ledger.lines.reduce(0) { $0 + $1.hours.count }
        var row = Row(batches: sums * parts, sums: sums)
        for slice in 0..<slices {
            var digest: MerkleHash?
            row.report.append(seconds { digest = Disclosure(input).sha256 })
            guard row.sha256 == nil || row.sha256 == digest else { throw BenchError("a report made twice differs") }
            row.sha256 = digest
            row.list.append(
                seconds {
                    var writer = JSONWriter(.pretty)
                    writer.share(JobSummary.all(in: input.accounts)) { $1.write(to: &$0) }
                })
            let pseudonym = pseudonyms[slice * 7919 % pseudonyms.count]
            row.show.append(
                seconds {
                    let summary = JobSummary.make(pseudonym, in: input.accounts)
                    _ = (summary?.json(), summary?.hoursJSON(in: input.accounts.ledger))
                })
        }
        return row
    }

    private func seconds(_ work: () -> Void) -> Double {
        let begin = ContinuousClock.now
        work()
        return (ContinuousClock.now - begin) / .seconds(1)
    }

    private func table(_ rows: [Row]) -> String {
        var text = "\(plan.jobs) jobs on \(plan.nodes) nodes, \(plan.hours) hours; medians of \(slices), seconds\n"
        text += "batches behind   node-hours   report   job list   one job\n"
        for row in rows {
            let figures = [row.report, row.list, row.show].map { Figures.three(Figures.median($0)) }
            let cells = zip(["\(row.batches)", "\(row.sums)"] + figures, [14, 13, 9, 11, 10])
            text += cells.map { String(repeating: " ", count: max(1, $1 - $0.count)) + $0 }.joined() + "\n"
        }
        return text + "the bytes of all reports are the same"
    }

    private func object(_ rows: [Row]) -> JSONValue {
        [
            "jobs": .integer(plan.jobs), "nodes": .integer(plan.nodes), "hours": .integer(plan.hours),
            "slices": .integer(slices),
            "limit_seconds": .integer(1), "same_bytes": .bool(true),
            "rows": .array(
                rows.map { row in
                    [
                        "batches": .integer(row.batches), "node_hours": .integer(row.sums),
                        "report_seconds": Figures.number(Figures.median(row.report)),
                        "job_list_seconds": Figures.number(Figures.median(row.list)),
                        "job_seconds": Figures.number(Figures.median(row.show)),
                    ]
                }),
        ]
    }
}
