import Accounts
import Batches
import Energy
import TransparencyLog

/// The sums of one period that is to be closed.
struct ClosingFold: Sendable, Codable {
    let period: UTCInterval
    private var totals: [CloseEntry.Account: Int128] = [:]
    /// Each node's part of the accounts that add up to the organization's energy.
    private var nodes: [String: Int128] = [:]
    private var gaps = GapFold()

    init(period: UTCInterval) { self.period = period }

    /// The sums of a period as far as a ledger of the whole log has come.
    init(period: UTCInterval, ledger: Ledger, gaps: GapBook) {
        self.period = period
        ledger.forEachEnergy(in: period.start.hour...period.lastHour) { key, energy in
            let account = CloseEntry.Account(key.account, key.provenance)
            totals[account, default: 0] += energy.total
            nodes[key.node, default: 0] += account.isInside ? energy.total : 0
        }
        for gap in gaps.parts(in: period) { add(gap.span, node: gap.node, index: gap.index) }
    }

    mutating func add(_ posting: Posting, node: String) {
        let account = CloseEntry.Account(posting.account, posting.provenance)
        totals[account, default: 0] += Int128(posting.microjoules)
        nodes[node, default: 0] += account.isInside ? Int128(posting.microjoules) : 0
    }

    /// A correction moves energy from account to account; each node keeps what it drew.
    mutating func apply(_ shift: CorrectionBook.Shift) {
        totals[CloseEntry.Account(shift.key.account), default: 0] -= Int128(shift.microjoules)
        totals[CloseEntry.Account(shift.to), default: 0] += Int128(shift.microjoules)
    }

    /// A gap counts as far as it lies in the period; what is missing in it is spread evenly.
    mutating func add(_ span: GapSpan, node: String, index: Int64) {
        guard let inside = span.interval.intersection(period) else { return }
        var part = span
        part.interval = inside
        let (whole, share) = (span.interval.durationMicroseconds, inside.durationMicroseconds)
        if whole > 0, share < whole {
            part.milliseconds = Int64(clamping: Int128(span.milliseconds) * Int128(share) / Int128(whole))
        }
        gaps.add(Ledger.Gap(node: node, span: part, index: index))
    }

    /// What the books say now.
    func statement(
        members: NodeRegister, signers: SignerRegister?, chains: ChainRegister, heads: [Int64: ChainHead]
    ) -> ClosingStatement {
        let joined = gaps.gaps
        var names = Set(nodes.keys).union(joined.map(\.node))
        names.formUnion(members.members.values.filter { $0.isExpected(in: period) }.map(\.name))
        var content = CloseEntry.Content(
            totals: CloseEntry.Account.allCases.map { .init(account: $0, microjoules: totals[$0] ?? 0) })
        for name in names.sorted() {
            let hasAny = nodes[name] != nil || joined.contains { $0.node == name }
            content.nodes.append(
                CloseEntry.Node(
                    name: name, state: Self.state(signers?.signers[name], isReporting: hasAny),
                    microjoules: nodes[name] ?? 0))
            content.chains += chains.chains(of: name).compactMap { chain in
                statement(of: chain, heads, isNewest: chain.incarnation == Self.newest(of: name, chains))
            }
        }
        content.gaps = Self.sums(joined)
        return ClosingStatement(content)
    }

    private static func state(_ signer: SignerRegister.Signer?, isReporting: Bool) -> CloseEntry.NodeState {
        if let signer, signer.isRetired { return .retired }
        if let signer, signer.currentKey == nil { return .revoked }
        return isReporting ? .reporting : .silent
    }

    /// The chain in which a node writes now; recorded logs are chains of their own.
    private static func newest(of node: String, _ chains: ChainRegister) -> Int64? {
        chains.chains(of: node).filter { !$0.isRecorded }.map(\.incarnation).max()
    }

    private func statement(
        of chain: ChainRegister.Chain, _ heads: [Int64: ChainHead], isNewest: Bool
    ) -> CloseEntry.Chain? {
        guard isNewest || chain.span?.intersection(period) != nil, let head = heads[chain.incarnation] else {
            return nil
        }
        return CloseEntry.Chain(
            node: chain.node, incarnation: chain.incarnation,
            lastSequence: head.nextSequence > 0 ? head.nextSequence - 1 : nil,
            state: chain.isClosed ? .forked : .open, leaf: head.leaf)
    }

    private static func sums(_ gaps: [Ledger.Gap]) -> [CloseEntry.Gaps] {
        struct Key: Hashable {
            var node: String
            var kind: CloseEntry.GapKind
        }
        var sums: [Key: CloseEntry.Gaps] = [:]
        for gap in gaps {
            let key = Key(node: gap.node, kind: CloseEntry.GapKind(gap.span.kind))
            var sum = sums[key] ?? CloseEntry.Gaps(node: key.node, kind: key.kind, count: 0, milliseconds: 0)
            sum.count += 1
            sum.milliseconds &+= max(0, gap.span.milliseconds)
            sums[key] = sum
        }
        return sums.values.map { gaps in
            // Sums of nonsense that nodes claim stay within what the line can say.
            var gaps = gaps
            gaps.milliseconds = max(0, gaps.milliseconds)
            return gaps
        }.sorted { ($0.node, $0.kind.rawValue) < ($1.node, $1.kind.rawValue) }
    }
}

extension CloseEntry.Account {
    fileprivate init(_ account: Account, _ provenance: Provenance) {
        self = provenance == .synthetic ? .synthetic : CloseEntry.Account(account)
    }

    init(_ account: Account) {
        switch account {
        case .job: self = .jobs
        case .idleReserved: self = .idleReserved
        case .idle: self = .idle
        case .unattributed: self = .unattributed
        case .gap: self = .gap
        case .tenant: self = .tenant
        case .superseded: self = .superseded
        }
    }

    /// Whether it is part of the organization's energy.
    var isInside: Bool {
        switch self {
        case .jobs, .idleReserved, .idle, .unattributed, .gap: true
        case .tenant, .superseded, .synthetic: false
        }
    }
}

extension CloseEntry.GapKind {
    init(_ kind: GapSpan.Kind) {
        switch kind {
        case .bridged: self = .bridged
        case .missing: self = .missing
        case .outage: self = .outage
        }
    }
}
