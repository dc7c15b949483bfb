@testable import Store

/// What the append has to do, said row by row in plain code: the statement over sets must come to the same.
struct AppendModel {
    struct Chain: Hashable {
        let node: Int32
        let incarnation: Int64
    }

    private(set) var entries: [AppendRow] = []
    private(set) var closed: [Chain: AppendRow] = [:]
    private var chains: [Chain: [Int]] = [:]
    private var leaves: [[UInt8]: Int] = [:]
    private var files: [ImportedFile: Int] = [:]

    var size: Int64 { Int64(entries.count) }

    mutating func append(_ group: AppendGroup) -> AppendOutcome {
        var rows = [AppendedRow?](repeating: nil, count: group.rows.count)
        for (number, row) in group.rows.enumerated() where row.link == nil { rows[number] = appendRecord(row) }
        var broken: Set<Chain> = []
        for (number, row) in group.rows.enumerated() {
            if let link = row.link { rows[number] = appendChained(row, link, &broken) }
        }
        return AppendOutcome(rows: rows.compactMap { $0 }, size: Int64(entries.count))
    }

    private mutating func appendRecord(_ row: AppendRow) -> AppendedRow {
        if let known = leaves[row.leaf] ?? row.file.flatMap({ files[$0] }) {
            return AppendedRow(verdict: .duplicate, index: Int64(known))
        }
        leaves[row.leaf] = entries.count
        if let file = row.file { files[file] = entries.count }
        entries.append(row)
        return AppendedRow(verdict: .appended, index: Int64(entries.count - 1))
    }

    private mutating func appendChained(
        _ row: AppendRow, _ link: AppendRow.Link, _ broken: inout Set<Chain>
    ) -> AppendedRow {
        let chain = Chain(node: link.node, incarnation: link.incarnation)
        let indexes = chains[chain] ?? []
        if link.seq < indexes.count {
            let index = indexes[Int(link.seq)]
            if entries[index].leaf == row.leaf { return AppendedRow(verdict: .duplicate, index: Int64(index)) }
            if closed[chain] == nil { closed[chain] = row }
            return AppendedRow(verdict: .equivocation, index: Int64(index))
        }
        if closed[chain] != nil { return AppendedRow(verdict: .closed, index: nil) }
        let before = indexes.last ?? Int(link.incarnation)
        guard !broken.contains(chain), link.seq == indexes.count, entries.indices.contains(before),
            entries[before].leaf == link.previous
        else {
            broken.insert(chain)
            return AppendedRow(verdict: .gap, index: nil)
        }
        chains[chain, default: []].append(entries.count)
        entries.append(row)
        return AppendedRow(verdict: .appended, index: Int64(entries.count - 1))
    }
}

/// Every fold as one text per row, for comparing: made from entries here, read from the tables there.
struct FoldContents: Equatable {
    var rows: [String: [Int64]] = [:]

    mutating func add(_ key: String, _ values: [Int64]) {
        let old = rows[key] ?? [Int64](repeating: 0, count: values.count)
        rows[key] = zip(old, values).map { $0 + $1 }
    }

    init() {}

    init(entries: [AppendRow]) {
        for (index, row) in entries.enumerated() {
            for posting in row.postings { add(posting) }
            for c in row.coverage {
                add(
                    "coverage \(c.job) \(c.node) \(c.hour)",
                    [c.measuredMilliseconds, c.bridgedMilliseconds, c.missingMilliseconds])
            }
            for (part, g) in row.gaps.enumerated() {
                add(
                    "gap \(index) \(part) \(g.node) \(g.job) \(g.kind)", [g.fromMicroseconds, g.toMicroseconds])
            }
            if let file = row.file {
                add("import \(file.job) \(file.node) \(file.sensor) \(file.sha256)", [Int64(index)])
            }
        }
    }

    private mutating func add(_ p: Posting) {
        let e = [p.energy.accelerator, p.energy.cpu, p.energy.dram, p.energy.rest, p.energy.network]
        let quality = "\(p.quality.provenance) \(p.quality.boundary) \(p.quality.rule)"
        add("hourly \(p.job) \(p.account.rawValue) \(p.hour) \(p.node) \(quality)", e)
        add("job \(p.hour) \(p.job) \(p.account.rawValue) \(p.site) \(quality)", e)
        if p.account != .tenant && p.account != .superseded {
            add("minute \(p.minute) \(p.job)", [e.reduce(0, +)])
        }
    }

    /// - Parameter connection: within a transaction of the log.
    init(reading connection: Connection) throws {
        let energy = "accelerator::bigint, cpu::bigint, dram::bigint, rest::bigint, network::bigint"
        let queries = [
            "SELECT 'hourly '||job||' '||account||' '||hour||' '||node||' '||provenance||' '||boundary||' '||rule, "
                + "\(energy) FROM energy_hourly",
            "SELECT 'job '||hour||' '||job||' '||account||' '||site||' '||provenance||' '||boundary||' '||rule, "
                + "\(energy) FROM job_hourly",
            "SELECT 'minute '||minute||' '||job, uj::bigint FROM power_minutely",
            "SELECT 'coverage '||job||' '||node||' '||hour, measured_ms, bridged_ms, missing_ms FROM coverage_hourly",
            "SELECT 'gap '||index||' '||part||' '||node||' '||job||' '||kind, from_us, to_us FROM gaps",
        ]
        for query in queries {
            let answer = try connection.query(query)
            for row in 0..<answer.count {
                add(try answer.get(row, 0), try (1..<answer.columns).map { column in try answer.get(row, column) })
            }
        }
        let imports = try connection.query("SELECT job, node, sensor, file_sha256, incarnation FROM imports")
        for row in 0..<imports.count {
            let job: Int64 = try imports.get(row, 0)
            let node: Int32 = try imports.get(row, 1)
            let sensor: String = try imports.get(row, 2)
            let hash: [UInt8] = try imports.get(row, 3)
            add("import \(job) \(node) \(sensor) \(hash)", [try imports.get(row, 4)])
        }
    }
}
