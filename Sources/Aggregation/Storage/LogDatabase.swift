import Accounts
package import Batches
import Energy
import HTTPEdge
package import Store
import Synchronization
import TransparencyLog

/// One log in the database: the sequencer's and the publisher's view of `Store`.
package final class LogDatabase: Sendable {
    package let log: Int32
    private let pool: ConnectionPool
    private let names: Mutex<Names>

    /// Numbers of names, as the registry tables give them; they never change, so they are asked for once.
    private struct Names {
        var nodes: [String: Int32] = [:]
        var sites: [String: Int16] = [:]
        var siteOfNode: [String: Int16] = [:]
        var jobs: [String: Int64] = [:]
    }

    package init(log: Int32, pool: ConnectionPool) {
        self.log = log
        self.pool = pool
        names = Mutex(Names())
    }

    // MARK: Sequencing

    package func sequencerLog() -> LogSequencer.Log {
        LogSequencer.Log(
            append: { [self] items, size in try await append(items, expectedSize: size) },
            growth: { [self] index in try await growth(from: index) },
            chainEnds: { [self] chain in try await chainEnds(chain) },
            leaf: { [self] index in try await publisherLog().leaves(index..<(index + 1)).first },
            root: { [self] size in try await publishedRoot(size) })
    }

    /// The root of a tree that was published, nil where none of this size was.
    func publishedRoot(_ size: UInt64) async throws -> MerkleHash? {
        let log = log
        let stored = try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in
                try snapshot.checkpoint(covering: Int64(clamping: size))
            }
        }
        guard let stored, UInt64(clamping: stored.size) == size else { return nil }
        return try SignedCheckpoint(parsing: stored.note).checkpoint.root
    }

    /// The intake's registers, from every entry that is no batch.
    package func intake(origin: String) async throws -> LogIntake {
        let log = log
        let rows = try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in
                (records: try snapshot.records(in: 0..<snapshot.size), size: snapshot.size)
            }
        }
        guard let first = rows.records.first, case .genesis(let genesis) = try Self.entry(first.note).entry else {
            throw StoreError(.unknownLog, "the log \(origin) has no genesis entry", hint: "restore the database")
        }
        var intake = try LogIntake(genesis: genesis)
        for row in rows.records {
            let read: (entry: Entry, signer: String)
            do {
                read = try Self.entry(row.note)
            } catch {
                throw StoreError(
                    .invalidData, "entry \(row.index) of the log \(origin) cannot be read: \(error)",
                    hint: "restore the database")
            }
            intake.logged(read.entry, signer: read.signer, at: row.index, leaf: MerkleHash.leaf(of: row.note))
        }
        // Chains are loaded when they are first written to, not here: a log may have very many.
        intake.forgetHeads()
        intake.grew(to: rows.size, chains: [])
        return intake
    }

    /// What others have appended.
    private func growth(from index: Int64) async throws -> LogSequencer.Growth {
        let log = log
        let (size, records, chains) = try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in
                (
                    snapshot.size, try snapshot.records(in: index..<max(index, snapshot.size)),
                    try snapshot.chains(in: index..<max(index, snapshot.size))
                )
            }
        }
        // A node may have been enrolled again at another site.
        if records.contains(where: { $0.kind == .node }) {
            names.withLock { names in
                names.nodes = [:]
                names.siteOfNode = [:]
            }
        }
        return LogSequencer.Growth(
            size: size, records: records.map { (index: $0.index, note: $0.note) }, chains: Set(chains))
    }

    private static func entry(_ note: [UInt8]) throws -> (entry: Entry, signer: String) {
        let signed = try SignedNote(parsing: note)
        return (try Entry(text: Array(signed.text)), signed.signatures.first?.name ?? "")
    }

    /// The entries that lead from the log's first key to its present one, as signed.
    package func logKeyNotes(_ signers: SignerRegister) async throws -> [[UInt8]] {
        var notes: [[UInt8]] = []
        for (_, index) in signers.logKeys.dropFirst() { notes += try await self.notes(index..<(index + 1)) }
        return notes
    }

    // MARK: Reading

    /// The notes of a range, in order.
    /// Sizes of the log's published trees.
    package func publishedSizes(_ range: ClosedRange<Int64>) async throws -> [UInt64] {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.publishedSizes(in: range) }
        }.map { UInt64(clamping: $0) }
    }

    package func notes(_ range: Range<Int64>) async throws -> [[UInt8]] {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in
                var notes: [[UInt8]] = []
                try snapshot.forEachEntry(in: range) { entry throws(StoreError) in notes.append(entry.note) }
                return notes
            }
        }
    }

    /// The block of readings of an entry, nil when it has none any more.
    package func samples(at index: Int64) async throws -> [UInt8]? {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.samples(at: index) }
        }
    }

    /// The records of all jobs by pseudonym, as they were told. Erased ones are not among them.
    ///
    /// - Parameter version: of what the caller has.
    /// - Returns: nil when that is the present one.
    package func jobRecords(
        since version: JobsVersion?
    ) async throws -> (version: JobsVersion, texts: [String: [UInt8]])? {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) {
                snapshot throws(StoreError) -> (version: JobsVersion, texts: [String: [UInt8]])? in
                let present = try snapshot.jobsVersion()
                guard present != version else { return nil }
                var texts: [String: [UInt8]] = [:]
                var last: Int64 = 0
                while case let page = try snapshot.jobs(after: last, limit: 1000), let end = page.last?.job {
                    for record in page {
                        if let facts = record.facts {
                            texts[Pseudonym.encode(record.pseudonym)] = Array(facts.record.utf8)
                        }
                    }
                    last = end
                }
                return (present, texts)
            }
        }
    }

    /// The smallest published checkpoint that covers the entries [0, size), nil when none does yet.
    package func checkpoint(covering size: Int64) async throws -> [UInt8]? {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in
                try snapshot.checkpoint(covering: size)?.note
            }
        }
    }

    /// The pseudonym of the job that a person names by key, by the scheduler's id or by the pseudonym itself.
    package func pseudonym(ofJob name: String) async throws -> String {
        if Pseudonym.isWellFormed(name) { return name }
        let log = log
        let found = try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.jobs(matching: name) }
        }
        guard let job = found.first else {
            throw Problem.notFound("there is no job '\(name)'; list them with 'wattest job list'")
        }
        guard found.count == 1 else {
            let candidates = found.compactMap { $0.facts?.key }.sorted().prefix(10).joined(separator: ", ")
            throw Problem.conflict("'\(name)' is \(found.count) jobs: \(candidates)")
        }
        return Pseudonym.encode(job.pseudonym)
    }

    // MARK: Reports

    package func reports() async throws -> [StoredReport] {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.reports(limit: 10_000) }
        }
    }

    package func report(_ number: Int32) async throws -> StoredReport? {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.report(number) }
        }
    }

    package func report(superseding number: Int32) async throws -> StoredReport? {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in
                try snapshot.report(superseding: number)
            }
        }
    }

    package func nextReportNumber() async throws -> Int32 {
        let log = log
        return try await pool.run { connection throws(StoreError) in
            try connection.change(log) { change throws(StoreError) in try change.nextReportNumber() }
        }
    }

    package func keep(_ report: StoredReport) async throws {
        let log = log
        try await pool.run { connection throws(StoreError) in
            try connection.change(log) { change throws(StoreError) in try change.keep(report) }
        }
    }

    private func append(_ items: [LogSequencer.Item], expectedSize: Int64) async throws -> LogSequencer.Outcome {
        try await resolveNames(items)
        let group = AppendGroup(
            log: log, rows: items.map(row), expectedSize: expectedSize, areNew: items.allSatisfy(\.isNew))
        let outcome = try await pool.run { connection throws(StoreError) -> AppendOutcome? in
            do throws(StoreError) {
                return try connection.append(group)
            } catch  where error.kind == .logHasMoved || error.kind == .connectionLost {
                // After a lost connection it may have happened: judged against the log as it is, what it holds is a
                // duplicate.
                return nil
            }
        }
        guard let outcome else { return .moved }
        try await storeRecords(items, outcome)
        return .committed(try zip(items, outcome.rows).map { try verdict($1, of: $0) })
    }

    private func verdict(_ row: AppendedRow, of item: LogSequencer.Item) throws -> LogSequencer.Verdict {
        switch (row.verdict, row.index) {
        case (.appended, let index?): return .appended(index: index)
        case (.duplicate, let index?): return .duplicate(index: index)
        case (.equivocation, let index): return .fork(firstIndex: index ?? -1)
        case (.gap, _): return .gap
        case (.closed, _): return .closed
        case (.unrepresentable, _): return .unrepresentable
        case (.appended, nil), (.duplicate, nil):
            throw StoreError(.unexpectedAnswer, "an appended entry came back without its index")
        }
    }

    /// First and last batch of a chain.
    private func chainEnds(_ chain: ChainRegister.Chain) async throws -> LogSequencer.ChainEnds? {
        let (log, node, incarnation) = (log, try await number(ofNode: chain.node), chain.incarnation)
        let found = try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) {
                snapshot throws(StoreError) -> (first: [UInt8], last: Store.ChainHead)? in
                guard let last = try snapshot.head(node: node, incarnation: incarnation),
                    let first = try snapshot.firstNote(node: node, incarnation: incarnation)
                else { return nil }
                return (first, last)
            }
        }
        guard let found else { return nil }
        return LogSequencer.ChainEnds(
            first: try Self.batch(found.first), last: try Self.batch(found.last.note),
            leaf: MerkleHash.leaf(of: found.last.note), lastIndex: found.last.index)
    }

    private func number(ofNode name: String) async throws -> Int32 {
        if let node = names.withLock({ $0.nodes[name] }) { return node }
        let log = log
        let node = try await pool.run { connection throws(StoreError) in
            try connection.change(log) { change throws(StoreError) in try change.node(named: name) }
        }
        names.withLock { $0.nodes[name] = node }
        return node
    }

    private static func batch(_ note: [UInt8]) throws -> Batch {
        try Batch(text: Array(try SignedNote(parsing: note).text))
    }

    // MARK: Names

    private func resolveNames(_ items: [LogSequencer.Item]) async throws {
        var nodes: [(name: String, kind: NodeRecord.Kind, site: String?)] = []
        var jobs: Set<String> = []
        let known = names.withLock { $0 }
        for item in items {
            switch item.entry.received.entry {
            case .batch(let batch):
                if known.siteOfNode[batch.node] == nil { nodes.append((batch.node, .node, nil)) }
                jobs.formUnion(batch.facts.allocations.map(\.job))
            case .imported(let imported):
                if known.nodes[imported.node] == nil {
                    nodes.append((imported.node, imported.subject == .source ? .source : .node, nil))
                }
                if let job = imported.job { jobs.insert(job) }
            case .node(let node): nodes.append((node.node, node.role == .importer ? .importer : .node, node.site))
            case .job(let job): jobs.insert(job.job)
            case .resume, .genesis, .set, .close, .conflict, .correct, .report, .logKey: break
            }
        }
        jobs.subtract(known.jobs.keys)
        guard !nodes.isEmpty || !jobs.isEmpty else { return }
        let log = log
        let (wantedNodes, wantedJobs) = (nodes, jobs.sorted())
        let found = try await pool.run { connection throws(StoreError) in
            try connection.change(log) { change throws(StoreError) in
                var numbers: [(String, Int32, Int16)] = []
                for node in wantedNodes {
                    let site = try node.site.map { name throws(StoreError) in try change.site(named: name) }
                    let number = try change.node(named: node.name, kind: node.kind, site: site ?? 0)
                    if let site { try change.settle(node: number, kind: node.kind, site: site) }
                    numbers.append((node.name, number, try change.site(ofNode: number)))
                }
                var jobNumbers: [(String, Int64)] = []
                for job in wantedJobs {
                    jobNumbers.append((job, try change.job(pseudonym: Pseudonym.decode(job) ?? [])))
                }
                return (numbers, jobNumbers)
            }
        }
        names.withLock { names in
            for (name, number, site) in found.0 {
                names.nodes[name] = number
                names.siteOfNode[name] = site
            }
            for (name, number) in found.1 { names.jobs[name] = number }
        }
    }

    private func storeRecords(_ items: [LogSequencer.Item], _ outcome: AppendOutcome) async throws {
        // Also beside a duplicate: the process that appended it may have ended before it came to this.
        let records = items.compactMap(\.entry.record)
        guard !records.isEmpty else { return }
        let log = log
        try await pool.run { connection throws(StoreError) in
            try connection.change(log) { change throws(StoreError) in
                for record in records {
                    _ = try change.job(
                        pseudonym: Pseudonym.decode(record.pseudonym) ?? [],
                        facts: JobFacts(
                            key: record.key.description, salt: record.salt, cluster: record.key.cluster,
                            scheduler: record.key.scheduler, schedulerJobID: record.key.id,
                            submit: record.key.submitSeconds, record: String(decoding: record.text, as: UTF8.self)))
                }
            }
        }
    }

    // MARK: Rows

    private func row(_ item: LogSequencer.Item) -> AppendRow {
        let received = item.entry.received
        let (nodes, siteOfNode, jobs) = names.withLock { ($0.nodes, $0.siteOfNode, $0.jobs) }
        var row = AppendRow(
            kind: EntryKind(rawValue: received.entry.kind.rawValue) ?? .batch, leaf: received.leaf.bytes,
            note: received.note)
        switch received.entry {
        case .batch(let batch):
            let node = nodes[batch.node] ?? 0
            row.link = AppendRow.Link(
                node: node, incarnation: batch.position.incarnation, seq: batch.position.sequence,
                previous: batch.previous.bytes)
            row.samples = received.samples.isEmpty ? nil : received.samples
            if let postings = item.postings {
                let place = Place(
                    node: node, site: siteOfNode[batch.node] ?? 0, minute: batch.facts.interval.start.minute, jobs: jobs
                )
                row.postings = place.postings(postings)
                row.coverage = place.coverage(postings)
                row.gaps = place.gaps(postings)
            }
        case .imported(let imported):
            row.file = ImportedFile(
                job: imported.job.flatMap { jobs[$0] } ?? 0, node: nodes[imported.node] ?? 0, sensor: imported.sensor,
                sha256: imported.fileSHA256)
        default: break
        }
        return row
    }

    // MARK: Publishing

    package func publisherLog() -> LogPublisher.Log {
        let (log, pool) = (log, pool)
        return LogPublisher.Log(
            size: {
                try await pool.run { connection throws(StoreError) in
                    try connection.snapshot(of: log) { snapshot throws(StoreError) in snapshot.size }
                }
            },
            leaves: { range in
                let bytes = try await pool.run { connection throws(StoreError) in
                    try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.leaves(in: range) }
                }
                return stride(from: 0, to: bytes.count, by: 32).compactMap { MerkleHash(bytes[$0..<($0 + 32)]) }
            },
            storeCheckpoint: { size, note, time in
                try await pool.run { connection throws(StoreError) in
                    try connection.change(log) { change throws(StoreError) in
                        try change.publish(
                            StoredCheckpoint(size: size, note: note),
                            at: Timestamp(microseconds: time.microseconds))
                    }
                }
            },
            storedCheckpoint: {
                try await pool.run { connection throws(StoreError) in
                    try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.checkpoint()?.note }
                }
            })
    }
}

/// Where a batch's postings fall in the folds.
private struct Place {
    var node: Int32
    var site: Int16
    var minute: Int64
    var jobs: [String: Int64]

    func postings(_ batch: BatchPostings) -> [Store.Posting] {
        var folded: [Store.Posting] = []
        for posting in batch.postings {
            let quality = EnergyQuality(
                provenance: posting.provenance.code, boundary: posting.boundary.rawValue,
                rule: AttributionRule.attribution1.rawValue)
            // The first hour of a batch has its own minute; the hours after it begin with theirs.
            let minute = max(minute, posting.hour * 60)
            folded.append(
                Store.Posting(
                    node: node, job: posting.account.job.flatMap { jobs[$0] } ?? 0,
                    account: AccountCode(rawValue: posting.account.code) ?? .unattributed,
                    hour: Int32(clamping: posting.hour), minute: Int32(clamping: minute), site: site, quality: quality,
                    energy: Self.energy(posting)))
        }
        return folded
    }

    private static func energy(_ posting: Accounts.Posting) -> Store.ComponentEnergy {
        var energy = Store.ComponentEnergy()
        switch posting.component {
        case .accelerator: energy.accelerator = posting.microjoules
        case .cpu: energy.cpu = posting.microjoules
        case .dram: energy.dram = posting.microjoules
        case .rest: energy.rest = posting.microjoules
        case .network: energy.network = posting.microjoules
        }
        return energy
    }

    func coverage(_ batch: BatchPostings) -> [Store.Coverage] {
        batch.coverage.map { span in
            Store.Coverage(
                node: node, job: jobs[span.job] ?? 0, hour: Int32(clamping: span.hour),
                measuredMilliseconds: span.measuredMilliseconds, bridgedMilliseconds: span.bridgedMilliseconds,
                missingMilliseconds: max(
                    0, span.interval.durationMilliseconds - span.measuredMilliseconds - span.bridgedMilliseconds))
        }
    }

    func gaps(_ batch: BatchPostings) -> [Store.Gap] {
        batch.gaps.map { span in
            Store.Gap(
                node: node, job: span.job.flatMap { jobs[$0] } ?? 0,
                fromMicroseconds: span.interval.start.microseconds,
                toMicroseconds: max(span.interval.start.microseconds, span.interval.end.microseconds),
                kind: span.kind.rawValue)
        }
    }
}
