/// What each step of quality cost in energy: the question of when training on stops paying.
package struct QualityPrice: Sendable, Hashable {
    package struct Mark: Sendable, Hashable {
        /// Energy of the job so far.
        package var microjoules: Int64
        package var metric: DecimalFigure

        package init(microjoules: Int64, metric: DecimalFigure) {
            self.microjoules = microjoules
            self.metric = metric
        }
    }

    package struct Step: Sendable, Hashable {
        package let microjoules: Int64
        /// Above zero is better, whichever way the metric runs.
        package let gain: ExactRatio
        /// kWh for one point gained; nil where nothing was gained: the energy bought no quality.
        package let kilowattHoursPerPoint: ExactRatio?
    }

    package let steps: [Step]
    /// From the first mark to the best one.
    package let kilowattHoursPerPoint: ExactRatio?
    /// How many times dearer the last point gained was than the first; nil with fewer than two gaining steps.
    package let decline: ExactRatio?

    /// - Throws: `missingInput` with fewer than two marks.
    package init(marks: [Mark], higherIsBetter: Bool) throws(EmissionsError) {
        guard let first = marks.first, marks.count >= 2 else {
            throw EmissionsError(.missingInput, "energy for quality needs the metric at two moments at least")
        }
        var steps: [Step] = []
        var best = first
        for (earlier, later) in zip(marks, marks.dropFirst()) {
            steps.append(try Self.step(earlier, later, higherIsBetter: higherIsBetter))
            let isBetter = higherIsBetter ? later.metric > best.metric : later.metric < best.metric
            if isBetter { best = later }
        }
        self.steps = steps
        kilowattHoursPerPoint = try Self.step(first, best, higherIsBetter: higherIsBetter).kilowattHoursPerPoint
        let prices = steps.compactMap(\.kilowattHoursPerPoint)
        if prices.count >= 2, let cheap = prices.first, let dear = prices.last, cheap > .zero {
            decline = try dear / cheap
        } else {
            decline = nil
        }
    }

    private static func step(_ earlier: Mark, _ later: Mark, higherIsBetter: Bool) throws(EmissionsError) -> Step {
        let (energy, overflow) = later.microjoules.subtractingReportingOverflow(earlier.microjoules)
        guard !overflow else { throw .overflow }
        let rise = try later.metric.ratio - earlier.metric.ratio
        let gain = higherIsBetter ? rise : try .zero - rise
        let price: ExactRatio? = gain > .zero ? try .kilowattHours(microjoules: Int128(energy)) / gain : nil
        return Step(microjoules: energy, gain: gain, kilowattHoursPerPoint: price)
    }
}
