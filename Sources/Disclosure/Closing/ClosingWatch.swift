import Accounts
import Batches
package import Energy
import TransparencyLog

/// Which period is closed over which log prefix.
package struct ClosingMark: Sendable, Hashable, Codable {
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
struct ClosingWatch: Sendable, Codable {
    /// Of the periods that are watched or that some mark is about.
    private var folds: [ClosingFold]
    /// Marks that no prefix has reached yet, the nearest last.
    private var pending: [ClosingMark]
    private var marks: [ClosingMark]
    private var late: [Int64]
    private var statements: [ClosingMark: ClosingStatement] = [:]
    /// Which periods an hour lies in; batches come in the order of hours, mostly.
    private var memo: (hour: Int64, periods: [Int])?

    private enum CodingKeys: CodingKey { case folds, pending, marks, late, statements }

    /// - Parameter watched: periods without an entry yet, whose statement is wanted.
    init(marks: Set<ClosingMark>, watched: [UTCInterval] = []) {
        self.marks = marks.sorted(by: Self.isNearer)
        pending = self.marks.reversed()
        late = self.marks.map { _ in 0 }
        folds = Set(marks.map(\.period) + watched).sorted { ($0.start, $0.end) < ($1.start, $1.end) }
            .map { ClosingFold(period: $0) }
    }

    private static func isNearer(_ left: ClosingMark, _ right: ClosingMark) -> Bool {
        (left.size, left.period.start, left.period.end) < (right.size, right.period.start, right.period.end)
    }

    var isIdle: Bool { folds.isEmpty && marks.isEmpty }

    private mutating func periods(of hour: Int64) -> [Int] {
        if let memo, memo.hour == hour { return memo.periods }
        let found = folds.indices.filter { index in
            folds[index].period.start.hour <= hour && hour <= folds[index].period.lastHour
        }
        memo = (hour, found)
        return found
    }

    // MARK: Without a survey

    /// Whether the entries of a close can be held to what was told over its prefix.
    func knows(_ mark: ClosingMark) -> Bool { statements[mark] != nil }

    /// What the books of a period said over all entries so far: a close of it may follow.
    mutating func keep(_ statement: ClosingStatement, of mark: ClosingMark) {
        if statements[mark] == nil { insert(mark) }
        statements[mark] = statement
    }

    /// A close that follows is about a prefix which is not reached yet.
    ///
    /// - Parameter fold: of its period over all entries so far.
    mutating func expect(_ mark: ClosingMark, _ fold: ClosingFold) {
        insert(mark)
        pending.append(mark)
        pending.sort { Self.isNearer($1, $0) }
        if !folds.contains(where: { $0.period == mark.period }) { folds.append(fold) }
        memo = nil
    }

    private mutating func insert(_ mark: ClosingMark) {
        let place = marks.firstIndex { Self.isNearer(mark, $0) } ?? marks.count
        marks.insert(mark, at: place)
        late.insert(0, at: place)
    }

    /// Forgets what no entry will be held to any more.
    mutating func forget(where isDone: (ClosingMark) -> Bool) {
        for mark in statements.keys where isDone(mark) { statements[mark] = nil }
        guard pending.isEmpty else { return }
        folds = []
        memo = nil
    }

    // MARK: Entries

    mutating func add(_ postings: BatchPostings, of batch: Batch, at index: UInt64) {
        let place = Int64(clamping: index)
        for posting in postings.postings {
            for period in periods(of: posting.hour) { folds[period].add(posting, node: batch.node) }
        }
        for span in postings.gaps {
            for period in folds.indices where folds[period].period.intersection(span.interval) != nil {
                folds[period].add(span, node: batch.node, index: place)
            }
        }
        for (position, mark) in marks.enumerated() {
            // The marks stand in the order of their sizes.
            guard mark.size <= place else { break }
            if mark.period.intersection(batch.facts.interval) != nil { late[position] += 1 }
        }
    }

    mutating func apply(_ shift: CorrectionBook.Shift) {
        for period in periods(of: shift.key.hour) { folds[period].apply(shift) }
    }

    /// Whether something is closed over exactly this prefix, or over one that was not told yet.
    func isDue(_ size: UInt64) -> Bool { pending.last.map { $0.size <= Int64(clamping: size) } ?? false }

    /// Before the entry at `size` is taken: what is closed over exactly this prefix is told now.
    mutating func reach(_ size: UInt64, _ tell: (ClosingFold) -> ClosingStatement) {
        while let mark = pending.last, mark.size <= Int64(clamping: size) {
            pending.removeLast()
            if let fold = fold(of: mark.period) { statements[mark] = tell(fold) }
        }
    }

    /// What the books of a watched period say now.
    func fold(of period: UTCInterval) -> ClosingFold? {
        folds.first { $0.period == period }
    }

    func statement(_ mark: ClosingMark) -> ClosingStatement? { statements[mark] }

    func lateBatches(_ mark: ClosingMark) -> Int64 {
        marks.firstIndex(of: mark).map { late[$0] } ?? 0
    }
}
