import Accounts
import Batches
package import Energy
import TransparencyLog

/// Which period is closed over which log prefix.
package struct ClosingMark: Sendable, Hashable {
    package var period: UTCInterval
    package var size: Int64

    package init(period: UTCInterval, size: Int64) {
        self.period = period
        self.size = size
    }

    init(_ entry: CloseEntry) { self.init(period: entry.period, size: entry.size) }
}

/// Keeps the books of the periods that a log closes, so that each close is held to the entries in front of it.
///
/// The survey tells the marks beforehand: a close is about a prefix that ended before its own entry, and the sums of
/// its period begin with the first batch that lies in it.
struct ClosingWatch: Sendable {
    /// Kept for a period until its last close was told.
    private var folds: [ClosingFold?]
    private let periods: [UTCInterval]
    /// Marks that no prefix has reached yet, the nearest last.
    private var pending: [ClosingMark]
    private let marks: [ClosingMark]
    private var late: [Int64]
    private var statements: [ClosingMark: ClosingStatement] = [:]
    /// Which periods an hour lies in; batches come in the order of hours, mostly.
    private var memo: (hour: Int64, periods: [Int])?

    /// - Parameter watched: periods without an entry yet, whose statement is wanted.
    init(marks: Set<ClosingMark>, watched: [UTCInterval] = []) {
        self.marks = marks.sorted {
            ($0.size, $0.period.start, $0.period.end) < ($1.size, $1.period.start, $1.period.end)
        }
        pending = self.marks.reversed()
        late = self.marks.map { _ in 0 }
        periods = Set(marks.map(\.period) + watched).sorted { ($0.start, $0.end) < ($1.start, $1.end) }
        folds = periods.map { ClosingFold(period: $0) }
    }

    var isIdle: Bool { periods.isEmpty }

    private mutating func periods(of hour: Int64) -> [Int] {
        if let memo, memo.hour == hour { return memo.periods }
        let found = periods.indices.filter { index in
            periods[index].start.hour <= hour && hour <= periods[index].lastHour
        }
        memo = (hour, found)
        return found
    }

    mutating func add(_ postings: BatchPostings, of batch: Batch, at index: UInt64) {
        let place = Int64(clamping: index)
        for posting in postings.postings {
            for period in periods(of: posting.hour) { folds[period]?.add(posting, node: batch.node) }
        }
        for span in postings.gaps {
            for period in periods.indices where folds[period]?.period.intersection(span.interval) != nil {
                folds[period]?.add(span, node: batch.node, index: place)
            }
        }
        for (position, mark) in marks.enumerated() {
            // The marks stand in the order of their sizes.
            guard mark.size <= place else { break }
            if mark.period.intersection(batch.facts.interval) != nil { late[position] += 1 }
        }
    }

    mutating func apply(_ shift: CorrectionBook.Shift) {
        for period in periods(of: shift.key.hour) { folds[period]?.apply(shift) }
    }

    /// Whether something is closed over exactly this prefix, or over one that was not told yet.
    func isDue(_ size: UInt64) -> Bool { pending.last.map { $0.size <= Int64(clamping: size) } ?? false }

    /// Before the entry at `size` is taken: what is closed over exactly this prefix is told now.
    mutating func reach(_ size: UInt64, _ tell: (ClosingFold) -> ClosingStatement) {
        while let mark = pending.last, mark.size <= Int64(clamping: size) {
            pending.removeLast()
            guard let position = periods.firstIndex(of: mark.period), let fold = folds[position] else { continue }
            statements[mark] = tell(fold)
        }
    }

    /// What the books of a watched period say now.
    func fold(of period: UTCInterval) -> ClosingFold? {
        periods.firstIndex(of: period).flatMap { folds[$0] }
    }

    func statement(_ mark: ClosingMark) -> ClosingStatement? { statements[mark] }

    func lateBatches(_ mark: ClosingMark) -> Int64 {
        marks.firstIndex(of: mark).map { late[$0] } ?? 0
    }
}
