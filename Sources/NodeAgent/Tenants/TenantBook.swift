import Batches
import Energy
import TransparencyLog

/// The tenants' chains of this node: what is cut from each home batch is signed and spooled here. Owned by the
/// measuring thread.
struct TenantBook: Sendable {
    private let logs: [String: TenantLog]
    private var chains: [String: TenantChain] = [:]
    private var waiting: [String: WaitingCuts] = [:]
    private let report: @Sendable (String) -> Void
    private var losses: [String: UplinkState.ChainLoss] = [:]
    /// Organizations that have jobs here and no log: each is told of once.
    private var strangers: Set<String> = []

    /// - Parameters:
    ///   - staged: extracts beside the newest home batch; a crash may have kept them from their spools.
    ///   - next: the place of the home batch that is signed first.
    init(
        _ logs: [TenantLog], staged: [StagedExtract], next: ChainPosition? = nil,
        report: @escaping @Sendable (String) -> Void
    ) throws {
        self.logs = Dictionary(logs.map { ($0.slug, $0) }) { first, _ in first }
        self.report = report
        for log in logs {
            let recovered = try RecoveredChain(log.spool, log.enrolment)
            var chain = TenantChain(
                chain: recovered.chain, counters: recovered.extractPoint?.counters ?? ExtractCounters())
            recovered.announce(to: log.uplink, log.enrolment)
            losses[log.slug] = recovered.loss
            var signed = recovered.newestHome
            for extract in staged where extract.tenant == log.slug && chain.chain.isNext(extract.entry) {
                try log.spool.write(extract.entry, resumePoint: extract.point.bytes)
                log.uplink.add(SpoolItem(extract.entry))
                chain.follow(extract)
                signed = extract.home ?? signed
            }
            var cuts = WaitingCuts(log.enrolment)
            chain.addEarlier(try cuts.recover(behind: signed, before: next))
            waiting[log.slug] = cuts
            chains[log.slug] = chain
        }
    }

    /// Opens new chains in the place of those that an earlier run could not go on with.
    mutating func resume(now: UTCTime) throws {
        for (slug, loss) in losses.sorted(by: { $0.key < $1.key }) { try take(.gaveUp(loss), of: slug, now: now) }
        losses = [:]
    }

    var isEmpty: Bool { logs.isEmpty }
    var slugs: Set<String> { Set(logs.keys) }

    func enrolment(of slug: String) -> Enrolment? { logs[slug]?.enrolment }

    /// How full the fullest spool is.
    var pressure: SpoolState.Pressure { logs.values.map(\.spool.pressure).max() ?? .none }

    // MARK: Extracts

    /// Takes what was cut for the tenants from a home batch that is signed and not stored yet.
    ///
    /// - Returns: the extracts, to be stored beside the home batch and then with `store`.
    mutating func sign(
        _ cut: TenantCut, _ interval: MeasuringSession.Interval, home: HomeBatch, boot: String?
    ) throws -> [StagedExtract] {
        for slug in cut.strangers.subtracting(strangers) { tell(of: slug) }
        var staged: [StagedExtract] = []
        for (slug, facts) in cut.extracts.sorted(by: { $0.key < $1.key }) {
            let samples = cut.wholeNodeTenant == slug ? interval.samples : nil
            let one = TenantChain.Cut(facts: facts, samples: samples, home: home, clock: interval.clock, boot: boot)
            if let lost = chains[slug]?.add(one) { try giveUp(lost, of: slug) }
            staged += try signWaiting(slug)
            try keepWaiting(slug)
        }
        return staged
    }

    /// What waits is durable before the home batch that it was cut from.
    private mutating func keepWaiting(_ slug: String) throws {
        for cut in chains[slug]?.waiting ?? [] { try waiting[slug]?.keep(cut) }
    }

    private mutating func giveUp(_ cut: TenantChain.Cut, of slug: String) throws {
        try waiting[slug]?.drop(cut.place)
        report(
            "tenant \(slug): its log opens no chain, and more than \(TenantChain.maximumWaiting) extracts wait: the "
                + "one of home batch \(cut.place.incarnation)-\(cut.place.sequence) is given up")
    }

    private mutating func signWaiting(_ slug: String) throws -> [StagedExtract] {
        guard let log = logs[slug] else { return [] }
        var staged: [StagedExtract] = []
        while let (entry, point) = try chains[slug]?.signNext(
            anchor: log.uplink.anchor, salt: AgentEnvironment.randomBytes(16))
        {
            staged.append(StagedExtract(tenant: slug, entry: entry, point: point))
        }
        return staged
    }

    /// Makes extracts durable and hands them to their uplinks.
    mutating func store(_ extracts: [StagedExtract]) throws {
        for extract in extracts {
            guard let log = logs[extract.tenant] else { continue }
            try log.spool.write(extract.entry, resumePoint: extract.point.bytes)
            log.uplink.add(SpoolItem(extract.entry))
            if waiting[extract.tenant]?.isEmpty == false, let home = extract.home {
                try waiting[extract.tenant]?.drop(home)
            }
        }
    }

    private mutating func tell(of slug: String) {
        strangers.insert(slug)
        report(
            "jobs of organization \(slug) run here and this node writes to no log of it: their energy is in the "
                + "account `tenant`; a token of \(slug) and `wattest-agent enroll --tenant \(slug)` open one")
    }

    // MARK: Entries outside of chains

    /// Stores and sends an entry of this node in a tenant's log.
    func send(_ text: [UInt8], samples: [UInt8], to slug: String) throws {
        guard let log = logs[slug] else { return }
        let note = try log.enrolment.signingKey.sign(text)
        let entry = SignedEntry(position: nil, note: note.bytes, samples: samples)
        try log.spool.write(entry)
        log.uplink.add(SpoolItem(entry))
    }

    // MARK: Answers

    /// What a tenant's uplink told.
    mutating func take(_ event: LogAnswer, of slug: String, now: UTCTime) throws {
        guard let log = logs[slug] else { return }
        switch event {
        case .logged(let leaf, let index):
            guard chains[slug]?.logged(leaf: leaf, index: index) == true else { return }
            try ChainFile(incarnation: index, openingLeaf: leaf).write(to: log.spool.path)
            log.uplink.openChain(index, node: log.enrolment.node, keepsNewest: true, nextSequence: 0, previous: leaf)
            try store(signWaiting(slug))
        case .refused(let leaf, let refusal): chains[slug]?.refused(leaf: leaf, refusal)
        case .gaveUp(let loss):
            let refused = try loss.setAside.compactMap { try log.spool.readSetAside($0) }
                .compactMap { try? SignedNote(parsing: $0) }.compactMap { try? Batch(text: Array($0.text)) }
            let entry = try chains[slug]?.giveUp(
                loss, refused: refused, now: now, anchor: log.uplink.anchor, salt: AgentEnvironment.randomBytes(16))
            guard let entry else { return }
            try keepWaiting(slug)
            report("tenant \(slug): chain \(loss.incarnation) was given up: \(loss.refusal)")
            try log.spool.write(entry)
            log.uplink.add(SpoolItem(entry))
        }
    }
}
