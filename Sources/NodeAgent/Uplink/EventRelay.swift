import Batches
import Synchronization
import TransparencyLog

/// Breaks the circle of an uplink and whoever acts on what it tells: events before that one is there are let go, since
/// nothing was sent by then.
final class EventRelay: Sendable {
    private let sink = Mutex<(@Sendable (LogAnswer) -> Void)?>(nil)
    /// An aggregator that is away for a week is one line, not ten thousand.
    private let lastFault = Mutex<String?>(nil)
    /// Where the home log's account map goes; nil for other logs.
    private let accounts: SignedAccounts?
    private let report: @Sendable (String) -> Void

    init(accounts: SignedAccounts? = nil, report: @escaping @Sendable (String) -> Void) {
        self.accounts = accounts
        self.report = report
    }

    func connect(_ target: @escaping @Sendable (LogAnswer) -> Void) { sink.withLock { $0 = target } }

    func take(_ event: UplinkEvent) {
        guard let sink = sink.withLock({ $0 }) else { return }
        switch event {
        case .logged(let leaf, let index): sink(.logged(leaf: leaf, index: index))
        case .refused(let item, let refusal):
            report("the log refused \(item.fileStem): \(refusal); it is kept in the spool's directory refused")
            if item.position == nil { sink(.refused(leaf: item.leaf, refusal)) }
        case .gaveUp(let loss): sink(.gaveUp(loss))
        case .fault(let text):
            let isNew = lastFault.withLock { last in
                defer { last = text }
                return last != text
            }
            if isNew { report(text) }
        case .heads:
            let wasAway = lastFault.withLock { last in
                defer { last = nil }
                return last != nil
            }
            if wasAway { report("the aggregator is connected again") }
        case .accounts(let setting): if let said = accounts?.take(setting) { report(said) }
        case .settled, .disconnected: break
        }
    }
}

/// What an uplink tells the measuring thread.
enum LogAnswer: Sendable {
    case logged(leaf: MerkleHash, index: Int64)
    case refused(leaf: MerkleHash, Refusal)
    case gaveUp(UplinkState.ChainLoss)
}
