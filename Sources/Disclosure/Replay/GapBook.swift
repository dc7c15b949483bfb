import Accounts
import Energy

/// The gaps of a log by the hours in which they lie, so that those of any period of whole hours are found again as if
/// no others had been there.
struct GapBook: Sendable, Codable {
    /// Gaps within one hour are joined as they come; one across an hour stands by itself until it is asked for.
    private var folds: [Int64: GapFold] = [:]
    private var crossing: [Ledger.Gap] = []

    mutating func add(_ gap: Ledger.Gap) {
        let interval = gap.span.interval
        guard interval.start < interval.end, interval.start.hour == interval.lastHour else {
            crossing.append(gap)
            return
        }
        folds[interval.start.hour, default: GapFold()].add(gap)
    }

    /// - Parameter period: nil for all.
    func gaps(in period: UTCInterval?) -> [Ledger.Gap] {
        var joined = GapFold(crossing.filter { Self.overlap($0.span.interval, period) })
        for (hour, fold) in folds {
            let interval = UTCInterval(start: UTCTime(hour: hour), end: UTCTime(hour: hour + 1))
            guard Self.overlap(interval, period) else { continue }
            for gap in fold.gaps { joined.add(gap) }
        }
        return joined.gaps
    }

    /// The same before what lies side by side is joined: a part that crosses an hour is still to be split.
    func parts(in period: UTCInterval) -> [Ledger.Gap] {
        let hours = period.start.hour...period.lastHour
        return crossing.filter { Self.overlap($0.span.interval, period) }
            + folds.filter { hours.contains($0.key) }.flatMap { $0.value.gaps }
    }

    static func overlap(_ interval: UTCInterval, _ period: UTCInterval?) -> Bool {
        period.map { $0.intersection(interval) != nil } ?? true
    }
}
