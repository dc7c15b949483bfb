import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import SeededRandom
import Testing

@testable import Disclosure

/// The one pass against each sum by its own definition, over sites that change, hours in doubt and figures beyond 64
/// bits.
@Suite struct PeriodSumsTests {
    private static let start: Int64 = 490_896

    private func accounts(seed: UInt64) throws -> LogAccounts {
        var log = try SyntheticLog(seed: seed)
        for number in 0..<4 { try log.enrol("n\(number)", site: ["north", "south"][number % 2]) }
        func settle(_ node: String, _ site: String, from: Int64?, until: Int64?) throws {
            let entry = SetEntry(
                log: log.origin, time: log.now, field: SettingField.nodeSite, subject: node,
                value: Array("\"\(site)\"".utf8), effectiveFrom: from.map { UTCTime(hour: Self.start + $0) },
                effectiveUntil: until.map { UTCTime(hour: Self.start + $0) }, by: "operator", reason: nil,
                salt: log.salt())
            try log.append(.set(entry), by: log.administration)
        }
        try settle("n1", "east", from: 4, until: nil)
        try settle("n1", "west", from: 9, until: 12)
        try settle("n2", "", from: 6, until: 8)
        try settle("n3", "north", from: nil, until: nil)
        var accounts = try log.accounts()
        var random = SeededRandom(seed: seed)
        let owners: [Account] = [.job("a"), .job("b"), .idleReserved("b"), .idle, .gap, .tenant, .superseded]
        for _ in 0..<400 {
            let key = Ledger.Key(
                account: owners[Int.random(in: owners.indices, using: &random)],
                node: "n\(Int.random(in: 0..<5, using: &random))",
                hour: Self.start + Int64.random(in: -2..<16, using: &random),
                provenance: Provenance.allCases[Int.random(in: 0..<5, using: &random)],
                boundary: Boundary.allCases[Int.random(in: 0..<6, using: &random)])
            var energy = ComponentEnergy()
            for component in Component.allCases {
                energy[component] = Int128.random(in: -40...100, using: &random)
                if Int.random(in: 0..<60, using: &random) == 0 { energy[component] = Int128(Int64.max) }
            }
            accounts.ledger.add(energy, at: key)
            guard let job = key.account.job else { continue }
            let hold = UTCInterval(start: UTCTime(hour: key.hour), end: UTCTime(hour: key.hour + 1))
            accounts.ledger.add(
                Ledger.Coverage(measuredMilliseconds: 60, bridgedMilliseconds: 1, hold: hold),
                at: Ledger.CoverageKey(job: job, node: key.node, hour: key.hour))
        }
        return accounts
    }

    private struct Place: Hashable {
        var node: String
        var hour: Int64
    }

    private let periods: [UTCInterval?] = [
        nil, UTCInterval(start: UTCTime(hour: start), end: UTCTime(hour: start + 12)),
        UTCInterval(start: UTCTime(hour: start + 7), end: UTCTime(hour: start + 8)),
    ]

    @Test(arguments: UInt64(0)..<6) func everySumIsTheOneThatItsNameSays(seed: UInt64) throws {
        let accounts = try accounts(seed: seed)
        for period in periods {
            let sums = PeriodSums(accounts, period: period)
            let energy = accounts.ledger.energy.filter { key, _ in
                period.map { ($0.start.hour...$0.lastHour).contains(key.hour) } ?? true
            }
            var cells: [PeriodSums.Cell: Int128] = [:]
            var own: [String: Set<Int64>] = [:]
            var measured: [Place: (root: Int128, rest: Int128)] = [:]
            for (key, sum) in energy {
                if key.isOwn {
                    let site =
                        accounts.settings.json(SettingField.nodeSite, of: key.node, at: UTCTime(hour: key.hour))?.string
                        ?? accounts.nodes.site(of: key.node)
                    let cell = PeriodSums.Cell(hour: key.hour, site: site, isFacility: key.boundary == .facility)
                    cells[cell, default: 0] += sum.total
                    own[key.node, default: []].insert(key.hour)
                }
                guard key.account != .superseded, key.provenance != .synthetic else { continue }
                measured[Place(node: key.node, hour: key.hour), default: (0, 0)].root += sum.total - sum[.network]
                measured[Place(node: key.node, hour: key.hour), default: (0, 0)].rest += sum[.rest]
            }
            #expect(sums.cells == cells, "seed \(seed)")
            #expect(sums.ownHours == own.mapValues { Int64($0.count) }, "seed \(seed)")
            #expect(sums.measuredHours == Int64(measured.count), "seed \(seed)")
            let doubtful = measured.filter { $0.value.rest * 100 < $0.value.root * -3 }
            #expect(sums.doubts.reduce(0) { $0 + $1.hours } == Int64(doubtful.count), "seed \(seed)")
            #expect(sums.doubts.reduce(0) { $0 + $1.rest } == doubtful.reduce(0) { $0 + $1.value.rest })
            #expect(sums.doubts.reduce(0) { $0 + $1.root } == doubtful.reduce(0) { $0 + $1.value.root })
            let jobs = energy.keys.filter { doubtful[Place(node: $0.node, hour: $0.hour)] != nil }
            #expect(sums.doubtfulJobs == Set(jobs.compactMap(\.account.job)), "seed \(seed)")
            var lines: [Ledger.Key: ComponentEnergy] = [:]
            for (key, sum) in energy {
                var key = key
                key.hour = 0
                lines[key, default: ComponentEnergy()].add(sum)
            }
            let found = sums.lines.map { sum in
                let line = accounts.ledger.lines[Int(sum.line)]
                let key = Ledger.Key(
                    account: line.account, node: accounts.ledger.nodes[Int(line.node)], hour: 0,
                    provenance: line.provenance, boundary: line.boundary)
                return (key, sum.energy)
            }
            #expect(Dictionary(uniqueKeysWithValues: found) == lines, "seed \(seed)")
            try one(of: ["a", "b"], accounts, period)
        }
    }

    /// A job by itself is what it is among all.
    private func one(of jobs: [String], _ accounts: LogAccounts, _ period: UTCInterval?) throws {
        let all = PeriodSums(accounts, period: period)
        for job in jobs {
            let alone = PeriodSums(accounts, period: period, ofJob: job)
            func lines(_ sums: PeriodSums) -> Set<ComponentEnergy> {
                Set(
                    sums.lines.filter { accounts.ledger.lines[Int($0.line)].account.job == job }.map(\.energy))
            }
            func measured(_ sums: PeriodSums) -> Int64 {
                sums.held.filter { accounts.ledger.coverageLines[Int($0.line)].job == job }
                    .reduce(0) { $0 + $1.coverage.measuredMilliseconds }
            }
            #expect(lines(alone) == lines(all))
            #expect(alone.doubtfulJobs.contains(job) == all.doubtfulJobs.contains(job))
            #expect(measured(alone) == measured(all))
        }
    }
}
