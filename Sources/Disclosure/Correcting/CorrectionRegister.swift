package import Batches
import Energy

/// The corrections of a log, in order, with what each one did.
package struct CorrectionRegister: Sendable, Hashable, Codable {
    package struct Correction: Sendable, Hashable, Codable {
        package var entry: CorrectEntry
        package var index: UInt64
        /// What each of the moves took, in their order: less than it says where there was less.
        package var moved: [Int64]

        /// What accounts gained or lost in some hours.
        package func effect(in hours: ClosedRange<Int64>) -> [(account: String, microjoules: Int128)] {
            var sums: [String: Int128] = [:]
            for (move, moved) in zip(entry.moves, moved) where hours.contains(move.hour.hour) {
                sums[move.from.name, default: 0] -= Int128(moved)
                sums[move.to.name, default: 0] += Int128(moved)
            }
            return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }

        package func moved(in hours: ClosedRange<Int64>) -> Int128 {
            zip(entry.moves, moved).reduce(0) { $0 + (hours.contains($1.0.hour.hour) ? Int128($1.1) : 0) }
        }

        package func stated(in hours: ClosedRange<Int64>) -> Int128 {
            entry.moves.reduce(0) { $0 + (hours.contains($1.hour.hour) ? Int128($1.microjoules) : 0) }
        }

        package func touches(_ hours: ClosedRange<Int64>) -> Bool {
            entry.moves.contains { hours.contains($0.hour.hour) }
        }
    }

    package private(set) var corrections: [Correction] = []

    package init() {}

    /// How many from an index on touch a period.
    func count(of period: UTCInterval, from index: Int64) -> Int64 {
        Int64(
            corrections.count {
                Int64(clamping: $0.index) >= index && $0.touches(period.start.hour...period.lastHour)
            })
    }

    mutating func append(_ correction: Correction) { corrections.append(correction) }
}
