import Accounts
import Energy

/// The newest postings of every chain, not yet in the ledger.
///
/// The batches of a chain mostly post to the same accounts within an hour, so their sums are kept side by side and go
/// into the ledger when one of them posts to others. Addition does not depend on order, so the ledger is the same.
struct LedgerTails: Sendable {
    private struct Tail: Sendable {
        var node: String
        var postings: BatchPostings
        var index: Int64

        /// Adds postings to the same accounts, in the same order.
        ///
        /// - Returns: false when they are others or a sum would not fit; nothing has changed then.
        mutating func take(_ other: BatchPostings) -> Bool {
            guard postings.postings.count == other.postings.count, postings.coverage.count == other.coverage.count,
                other.gaps.isEmpty
            else { return false }
            for place in other.postings.indices where !isSame(postings.postings, other.postings, place) { return false }
            for place in other.coverage.indices
            where postings.coverage[place].hour != other.coverage[place].hour
                || postings.coverage[place].job != other.coverage[place].job
            { return false }
            for place in other.postings.indices {
                postings.postings[place].microjoules += other.postings[place].microjoules
            }
            for place in other.coverage.indices { add(other.coverage[place], at: place) }
            return true
        }

        private func isSame(_ left: [Posting], _ right: [Posting], _ place: Int) -> Bool {
            left[place].hour == right[place].hour && left[place].component == right[place].component
                && left[place].provenance == right[place].provenance && left[place].boundary == right[place].boundary
                && left[place].account == right[place].account
                && !left[place].microjoules.addingReportingOverflow(right[place].microjoules).overflow
        }

        private mutating func add(_ span: CoverageSpan, at place: Int) {
            let known = postings.coverage[place].interval
            postings.coverage[place].interval = UTCInterval(
                start: min(known.start, span.interval.start), end: max(known.end, span.interval.end))
            postings.coverage[place].measuredMilliseconds &+= span.measuredMilliseconds
            postings.coverage[place].bridgedMilliseconds &+= span.bridgedMilliseconds
        }
    }

    /// By the chain's opening entry.
    private var tails: [Int64: Tail] = [:]

    /// - Parameter ledger: gets what the chain posted before, if that was to other accounts.
    mutating func add(
        _ postings: BatchPostings, node: String, chain: Int64, index: Int64, to ledger: inout Ledger
    ) {
        guard let place = tails.index(forKey: chain) else {
            tails[chain] = Tail(node: node, postings: postings, index: index)
            return
        }
        if tails.values[place].take(postings) { return }
        let tail = tails.values[place]
        ledger.add(tail.postings, node: tail.node, index: tail.index)
        tails.values[place] = Tail(node: node, postings: postings, index: index)
    }

    /// The ledger with everything that is not in it yet.
    func joined(to ledger: Ledger) -> Ledger {
        var ledger = ledger
        for tail in tails.values { ledger.add(tail.postings, node: tail.node, index: tail.index) }
        return ledger
    }
}
