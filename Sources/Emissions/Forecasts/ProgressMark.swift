/// How far a job was at one moment: time and energy since its start, and what its trainer reports as done.
package struct ProgressMark: Sendable, Hashable {
    package var elapsedMilliseconds: Int64
    package var microjoules: Int64
    /// Epochs, steps or any unit of which the total is known; fractions of one are allowed.
    package var done: Double

    package init(elapsedMilliseconds: Int64, microjoules: Int64, done: Double) {
        self.elapsedMilliseconds = elapsedMilliseconds
        self.microjoules = microjoules
        self.done = done
    }

    /// Marks for a trainer that reports seldom: between reports progress runs with time, energy is as it was measured.
    /// The newest report mostly lies between two readings, which may be an hour apart: there energy runs with time.
    ///
    /// - Parameters:
    ///   - energy: cumulative readings (elapsed, energy), in the order of time.
    ///   - reports: what the trainer said, in the order of time; progress before the first runs from zero.
    package static func interpolated(
        energy: [(elapsedMilliseconds: Int64, microjoules: Int64)],
        reports: [(elapsedMilliseconds: Int64, done: Double)]
    ) -> [ProgressMark] {
        var marks: [ProgressMark] = []
        var from: (elapsedMilliseconds: Int64, done: Double) = (0, 0)
        var remaining = energy[...]
        var previous: (elapsedMilliseconds: Int64, microjoules: Int64) = (0, 0)
        for report in reports where report.elapsedMilliseconds > from.elapsedMilliseconds && report.done >= from.done {
            let span = Double(report.elapsedMilliseconds) - Double(from.elapsedMilliseconds)
            while let next = remaining.first, next.elapsedMilliseconds <= report.elapsedMilliseconds {
                remaining.removeFirst()
                previous = next
                guard next.elapsedMilliseconds > from.elapsedMilliseconds else { continue }
                let share = (Double(next.elapsedMilliseconds) - Double(from.elapsedMilliseconds)) / span
                marks.append(
                    ProgressMark(
                        elapsedMilliseconds: next.elapsedMilliseconds, microjoules: next.microjoules,
                        done: from.done + share * (report.done - from.done)))
            }
            from = report
        }
        if let next = remaining.first, from.elapsedMilliseconds > previous.elapsedMilliseconds {
            let part =
                (Int128(next.microjoules) - Int128(previous.microjoules))
                * (Int128(from.elapsedMilliseconds) - Int128(previous.elapsedMilliseconds))
                / (Int128(next.elapsedMilliseconds) - Int128(previous.elapsedMilliseconds))
            marks.append(
                ProgressMark(
                    elapsedMilliseconds: from.elapsedMilliseconds,
                    microjoules: Int64(clamping: Int128(previous.microjoules) + part), done: from.done))
        }
        return marks
    }
}
