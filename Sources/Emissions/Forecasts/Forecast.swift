/// What a running job will have used when it ends, from its first part.
///
/// Carbontracker multiplies the mean of the first epochs. The first part of a job is not like the rest: it loads data,
/// compiles and warms up. Here the start is told apart by its rate, and the rest of the job is expected half-way
/// between two rates: that since the start, as if no such pause came again, and that of everything so far, as if pauses
/// kept coming as often as one was seen. Half-way, because an event not seen again in a time t has the expected rate
/// ½/t (Jeffreys' prior for a Poisson rate). The interval spans both rates and the scatter between the marks.
package struct Forecast: Sendable, Hashable {
    package struct Quantity: Sendable, Hashable {
        /// Expected at the end: µJ or ms.
        package let total: Double
        /// About 95 %; nil where too few marks were seen to say.
        package let interval: ClosedRange<Double>?
        /// Carbontracker's rule on the same marks: (so far) · (all units) / (units done).
        package let proportional: Double

        /// Nothing that was used already is taken back.
        fileprivate func atLeast(_ known: Double) -> Quantity {
            Quantity(
                total: max(total, known),
                interval: interval.map { max($0.lowerBound, known)...max($0.upperBound, known) },
                proportional: proportional)
        }
    }

    package let energyMicrojoules: Quantity
    package let elapsedMilliseconds: Quantity
    /// Share of the units done, 0 to 1.
    package let progress: Double
    /// Marks taken for the start of the job.
    package let startMarks: Int
    package let marks: Int
    /// Since its newest mark the job has used more than the marks foretell for the whole of it: the totals are what it
    /// is known to have used, and too low.
    package let isOvertaken: Bool

    /// - Parameters:
    ///   - marks: in the order of time; those that do not advance are passed over.
    ///   - units: how many units the job will do.
    ///   - reached: time and energy of the newest reading, which may be newer than the newest mark.
    /// - Throws: `missingInput` without a mark that shows progress, `outOfRange` for a total that is no number above
    ///   it.
    package init(
        marks: [ProgressMark], units: Double, reached: (elapsedMilliseconds: Int64, microjoules: Int64) = (0, 0)
    ) throws(EmissionsError) {
        let segments = Segment.between(marks)
        guard let last = segments.last?.end else {
            throw EmissionsError(.missingInput, "no progress is reported yet: a forecast needs one epoch or step done")
        }
        guard units.isFinite, units >= last.done else {
            throw EmissionsError(.outOfRange, "\(last.done) units are done of \(units): check the reported total")
        }
        // A typing error must not become an infinity further down.
        guard last.done >= 1e-9, units <= 1e18, units / last.done <= Self.maximumRatio else {
            throw EmissionsError(
                .outOfRange,
                "\(last.done) of \(units) units are too few for a forecast: check what is done and the total")
        }
        let start = Segment.startLength(segments)
        let energy = Self.quantity(segments, start: start, units: units) { Double($0.microjoules) }
        let time = Self.quantity(segments, start: start, units: units) { Double($0.elapsedMilliseconds) }
        energyMicrojoules = energy.atLeast(Double(reached.microjoules))
        elapsedMilliseconds = time.atLeast(Double(reached.elapsedMilliseconds))
        isOvertaken = last.done < units && energyMicrojoules.total > energy.total
        progress = units > 0 ? last.done / units : 1
        startMarks = start
        self.marks = segments.count
    }

    /// From less than a billionth of a job nothing follows for the rest.
    private static let maximumRatio = 1e9

    private static func quantity(
        _ segments: [Segment], start: Int, units: Double, _ value: (ProgressMark) -> Double
    ) -> Quantity {
        let last = segments[segments.count - 1].end
        let remaining = units - last.done
        let steady = segments[start...]
        let overall = value(last) / last.done
        let origin = segments[start].begin
        let rate = (value(last) - value(origin)) / (last.done - origin.done)
        let expected = (overall + rate) / 2
        let total = value(last) + remaining * expected
        let scatter = Scatter(
            rates: steady.map { (value($0.end) - value($0.begin)) / $0.units }, weights: steady.map(\.units))
        let half = scatter.map { abs(rate - overall) / 2 * remaining + $0.halfWidth(remaining: remaining) }
        return Quantity(
            total: total, interval: half.map { max(value(last), total - $0)...max(value(last), total + $0) },
            proportional: overall * units)
    }
}

/// What happened between two marks that both advance.
private struct Segment {
    var begin: ProgressMark
    var end: ProgressMark

    var units: Double { end.done - begin.done }
    private var milliseconds: Double { Double(end.elapsedMilliseconds) - Double(begin.elapsedMilliseconds) }
    var energyPerUnit: Double { (Double(end.microjoules) - Double(begin.microjoules)) / units }
    var timePerUnit: Double { milliseconds / units }

    static func between(_ marks: [ProgressMark]) -> [Segment] {
        var segments: [Segment] = []
        var begin = ProgressMark(elapsedMilliseconds: 0, microjoules: 0, done: 0)
        for mark in marks {
            guard mark.done.isFinite, mark.done > begin.done, mark.elapsedMilliseconds > begin.elapsedMilliseconds,
                mark.microjoules >= begin.microjoules
            else { continue }
            segments.append(Segment(begin: begin, end: mark))
            begin = mark
        }
        return segments
    }

    /// Leading segments whose energy or time for a unit is more than a tenth off the median; at most half of all.
    static func startLength(_ segments: [Segment]) -> Int {
        let energy = median(segments.map(\.energyPerUnit))
        let time = median(segments.map(\.timePerUnit))
        let leading = segments.prefix { segment in
            abs(segment.energyPerUnit - energy) > energy / 10 || abs(segment.timePerUnit - time) > time / 10
        }
        return min(leading.count, segments.count / 2)
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

/// How far apart the rates lie, for the interval of what is still to come, by batch means: neighbouring marks resemble
/// each other (a validation or a checkpoint spans several), so runs of them are averaged to at most eight values, which
/// do not.
private struct Scatter {
    private let variance: Double
    private let count: Double
    private let unitsPerBatch: Double

    private static let batches = 8

    /// Nil for fewer than three rates: two say nothing of scatter.
    init?(rates: [Double], weights: [Double]) {
        guard rates.count >= 3 else { return nil }
        let batches = min(rates.count, Self.batches)
        let means = (0..<batches).map { batch in
            let range = (batch * rates.count / batches)..<((batch + 1) * rates.count / batches)
            let units = weights[range].reduce(0, +)
            return range.reduce(0) { $0 + rates[$1] * weights[$1] } / units
        }
        let mean = means.reduce(0, +) / Double(batches)
        variance = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(batches - 1)
        count = Double(batches)
        unitsPerBatch = weights.reduce(0, +) / Double(batches)
    }

    /// t · √(R²·s²/n + R·w·s²): the mean is uncertain, and what comes scatters around it.
    func halfWidth(remaining: Double) -> Double {
        Self.studentQuantile(degrees: count - 1)
            * (variance * (remaining * remaining / count + remaining * unitsPerBatch)).squareRoot()
    }

    /// The 97.5 % point of Student's t for 2 to 7 degrees of freedom.
    private static func studentQuantile(degrees: Double) -> Double {
        switch degrees {
        case 2: 4.303
        case 3: 3.182
        case 4: 2.776
        case 5: 2.571
        case 6: 2.447
        default: 2.365
        }
    }
}
