package import Batches
package import Energy

/// The periods whose books a log has closed, in order, and what arrived too late for each.
package struct ClosingRegister: Sendable, Hashable, Codable {
    package struct Closing: Sendable, Hashable, Codable {
        package var mark: ClosingMark
        /// Of its first part.
        package var index: UInt64
        package var time: UTCTime
        package var parts: Int64
        /// How many of its parts the log has.
        package var partsLogged: Int64
        /// Batches of the period that stand behind the prefix which it is about.
        package var lateBatches: Int64 = 0
        /// Corrections of the period that stand there.
        package var lateCorrections: Int64 = 0

        package var isComplete: Bool { partsLogged == parts }
    }

    package private(set) var closings: [Closing] = []

    package init() {}

    /// Takes a close entry in log order.
    ///
    /// - Returns: why it cannot stand, nil when it was taken.
    package mutating func apply(_ entry: CloseEntry, at index: UInt64) -> String? {
        let mark = ClosingMark(entry)
        guard entry.part > 1 else {
            guard !closings.contains(where: { $0.mark == mark && $0.isComplete }) else {
                return "it was closed before over the same entries"
            }
            closings.append(Closing(mark: mark, index: index, time: entry.time, parts: entry.parts, partsLogged: 1))
            return nil
        }
        guard let last = closings.lastIndex(where: { $0.mark == mark }),
            closings[last].parts == entry.parts, closings[last].partsLogged == entry.part - 1
        else { return "part \(entry.part) does not follow part \(entry.part - 1)" }
        closings[last].partsLogged = entry.part
        return nil
    }

    /// With what stands behind each close: so many batches, and which of the log's corrections.
    func counted(_ late: (ClosingMark) -> Int64, _ corrections: CorrectionRegister) -> ClosingRegister {
        var register = self
        for index in closings.indices {
            let mark = closings[index].mark
            let hours = mark.period.start.hour...mark.period.lastHour
            register.closings[index].lateBatches = late(mark)
            register.closings[index].lateCorrections = Int64(
                corrections.corrections.count { Int64(clamping: $0.index) >= mark.size && $0.touches(hours) })
        }
        return register
    }

    func isComplete(_ mark: ClosingMark) -> Bool { closings.contains { $0.mark == mark && $0.isComplete } }

    /// The newest complete close of a period.
    package func newest(of period: UTCInterval) -> Closing? {
        closings.last { $0.mark.period == period && $0.isComplete }
    }
}
