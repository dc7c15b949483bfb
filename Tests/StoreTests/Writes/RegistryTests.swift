import Testing

@testable import Store

@Suite struct RegistryTests {
    private func founded() async throws -> (TestDatabase, Connection, Int32) {
        let database = try await TestCluster.database()
        let connection = try Connection(database.target(.intake))
        return (database, connection, try connection.found("acme"))
    }

    private func facts(_ key: String, id: String = "7") -> JobFacts {
        JobFacts(
            key: key, salt: [1, 2], cluster: "c", scheduler: "slurm", schedulerJobID: id, submit: 1_700_000_000,
            record: "{}")
    }

    private func pseudonym(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 16) }

    @Test func organizationsAreNumberedAndListed() async throws {
        let database = try await TestCluster.ownDatabase()
        let connection = try Connection(database.target(.intake))
        let first = try connection.foundOrganization(slug: "acme", name: "Acme", origin: "log.example/acme")
        let second = try connection.foundOrganization(slug: "globex", name: "Globex", origin: "log.example/globex")
        #expect([first, second] == [1, 2])
        #expect(try connection.organizations().map(\.slug) == ["acme", "globex"])
        #expect(try connection.organizations()[1].origin == "log.example/globex")
        for slug in ["acme", "Acme", "", "a b"] {
            #expect { try connection.foundOrganization(slug: slug, name: "X", origin: "x") } throws: {
                ($0 as? StoreError)?.kind == .invalidData
            }
        }
    }

    @Test func namesGetOneNumberEach() async throws {
        let (_, connection, log) = try await founded()
        let numbers = try connection.change(log) { change throws(StoreError) in
            [
                try change.node(named: "a"), try change.node(named: "b", kind: .source, site: 2),
                try change.node(named: "a", kind: .importer),
            ]
        }
        #expect(numbers == [1, 2, 1])
        let sites = try connection.change(log) { change throws(StoreError) in
            [try change.site(named: "north"), try change.site(named: "south"), try change.site(named: "north")]
        }
        #expect(sites == [1, 2, 1])
        try connection.change(log) { change throws(StoreError) in
            try change.settle(node: 1, kind: .node, site: sites[1])
        }
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            #expect(
                try snapshot.nodes() == [
                    NodeRecord(node: 1, name: "a", kind: .node, site: 2),
                    NodeRecord(node: 2, name: "b", kind: .source, site: 2),
                ])
            #expect(try snapshot.sites().map(\.name) == ["north", "south"])
        }
    }

    @Test func severalHandOutNumbersAtOnce() async throws {
        let (database, _, log) = try await founded()
        let pool = try database.pool(connections: 4)
        let numbers = try await withThrowingTaskGroup(of: [Int32].self) { group in
            for writer in 0..<4 {
                group.addTask {
                    try await pool.run { connection throws(StoreError) in
                        var numbers: [Int32] = []
                        for number in 0..<10 {
                            numbers += try connection.change(log) { change throws(StoreError) in
                                [
                                    try change.node(named: "common-\(number)"),
                                    try change.node(named: "own-\(writer)-\(number)"),
                                ]
                            }
                        }
                        return numbers
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(numbers) == Set(1...50) && numbers.count == 80)
    }

    @Test func jobsAreKnownByPseudonymAndFilledInLater() async throws {
        let (_, connection, log) = try await founded()
        let jobs = try connection.change(log) { change throws(StoreError) in
            [
                try change.job(pseudonym: pseudonym(1)),
                try change.job(pseudonym: pseudonym(2), facts: facts("c/s/8@-", id: "8")),
                try change.job(pseudonym: pseudonym(1), facts: facts("c/s/7@-")),
                // The first facts stand.
                try change.job(pseudonym: pseudonym(1), facts: facts("c/s/9@-")),
            ]
        }
        #expect(jobs == [1, 2, 1, 1])
        let known = try connection.change(log) { change throws(StoreError) in try change.job(key: "c/s/7@-")?.job }
        #expect(known == 1)
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            #expect(try snapshot.job(1)?.facts == facts("c/s/7@-"))
            #expect(try snapshot.job(pseudonym: pseudonym(2))?.job == 2)
            #expect(try snapshot.jobs(matching: "c/s/7@-").map(\.job) == [1])
            #expect(try snapshot.jobs(matching: "c/s/").map(\.job) == [1, 2])
            #expect(try snapshot.jobs(matching: "8").map(\.job) == [2])
            #expect(try snapshot.jobs(matching: "%").isEmpty)
            #expect(try snapshot.jobs(matching: "").isEmpty)
            #expect(try snapshot.jobs(after: 1, limit: 5).map(\.job) == [2])
            #expect(try snapshot.jobs(numbered: [2, 9]).map(\.job) == [2])
        }
    }

    @Test func anErasedJobStaysErased() async throws {
        let (_, connection, log) = try await founded()
        try connection.change(log) { change throws(StoreError) in
            let job = try change.job(pseudonym: pseudonym(1), facts: facts("c/s/7@-"))
            #expect(try change.erase(job: job))
            #expect(try change.erase(job: job) == false)
            #expect(try change.job(pseudonym: pseudonym(1), facts: facts("c/s/7@-")) == job)
        }
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            let job = try snapshot.job(1)
            #expect(job?.facts == nil && job?.erased != nil && job?.pseudonym == pseudonym(1))
            #expect(try snapshot.jobs(matching: "c/").isEmpty)
        }
    }

    @Test func tokensAreUsedAsOftenAsTheyAllow() async throws {
        let (_, connection, log) = try await founded()
        let hash = [UInt8](repeating: 3, count: 32)
        let token = TokenRecord(
            log: log, sha256: hash, kind: 2, name: "join", usesLeft: 2, expires: Timestamp(microseconds: 1_000))
        let early = Timestamp(microseconds: 999)
        #expect(try connection.token(sha256: hash) == nil)
        try connection.change(log) { change throws(StoreError) in try change.add(token) }
        #expect(try connection.token(sha256: hash) == token)
        let uses = try connection.change(log) { change throws(StoreError) in
            [
                try change.use(token: hash, kind: 1, now: early), try change.use(token: hash, kind: 2, now: early),
                try change.use(token: hash, kind: 2, now: Timestamp(microseconds: 1_000)),
                try change.use(token: hash, kind: 2, now: early), try change.use(token: hash, kind: 2, now: early),
            ]
        }
        #expect(uses == [false, true, false, true, false])
        try connection.change(log) { change throws(StoreError) in
            #expect(try change.tokens().map(\.usesLeft) == [0])
            #expect(try change.revoke(token: hash))
            #expect(try change.revoke(token: hash) == false)
        }
    }

    @Test func theServedCheckpointNeverGoesBack() async throws {
        let (_, connection, log) = try await founded()
        let rows = (0..<3).map { AppendRow(kind: .set, leaf: [UInt8](repeating: $0, count: 32), note: [$0]) }
        _ = try connection.append(AppendGroup(log: log, rows: rows))
        try connection.change(log) { change throws(StoreError) in
            try change.publish(StoredCheckpoint(size: 2, note: [2]), at: Timestamp(microseconds: 1))
            try change.publish(StoredCheckpoint(size: 2, note: [2, 2]), at: Timestamp(microseconds: 2))
            try change.publish(StoredCheckpoint(size: 1, note: [1]), at: Timestamp(microseconds: 3))
        }
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            #expect(try snapshot.checkpoint() == StoredCheckpoint(size: 2, note: [2, 2]))
            #expect(try snapshot.checkpoint(covering: 1) == StoredCheckpoint(size: 1, note: [1]))
            #expect(try snapshot.checkpoint(covering: 2) == StoredCheckpoint(size: 2, note: [2, 2]))
            #expect(try snapshot.checkpoint(covering: 3) == nil)
        }
        // A checkpoint of entries that the database does not have was signed over something else.
        #expect {
            try connection.change(log) { change throws(StoreError) in
                try change.publish(StoredCheckpoint(size: 4, note: [4]), at: Timestamp(microseconds: 4))
            }
        } throws: { ($0 as? StoreError)?.kind == .invalidData }
    }

    @Test func reportsAreNumberedAndKept() async throws {
        let (_, connection, log) = try await founded()
        func report(_ number: Int32) -> StoredReport {
            StoredReport(
                number: number, index: 3, issued: Timestamp(microseconds: 9), hours: 10..<20, audience: "public",
                supersedes: number > 1 ? 1 : nil, body: [1, 2, 3])
        }
        for expected in 1...2 as ClosedRange<Int32> {
            try connection.change(log) { change throws(StoreError) in
                let number = try change.nextReportNumber()
                #expect(number == expected)
                try change.keep(report(number))
            }
        }
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            #expect(try snapshot.report(2) == report(2))
            #expect(try snapshot.reports(after: 1, limit: 9) == [report(2)])
            #expect(try snapshot.report(superseding: 1) == report(2))
            #expect(try snapshot.report(superseding: 2) == nil)
        }
        #expect { try connection.change(log) { change throws(StoreError) in try change.keep(report(2)) } } throws: {
            ($0 as? StoreError)?.kind == .invalidData
        }
    }
}
