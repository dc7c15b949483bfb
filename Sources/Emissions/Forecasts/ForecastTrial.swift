/// How far a forecast was off on a run whose end is known, beside Carbontracker's rule on the same marks.
package struct ForecastTrial: Sendable, Hashable {
    package let percent: Int
    /// |forecast − truth| / truth.
    package let error: Double
    package let proportionalError: Double
    /// Whether the interval holds the truth; nil where there is none.
    package let isCovered: Bool?
    /// Width of the interval over the truth.
    package let relativeWidth: Double?

    /// - Parameters:
    ///   - percent: 1 to 100: how much of the run is known.
    ///   - microjoules: energy up to each hundredth of the run.
    package init(percent: Int, milliseconds: Int64, microjoules: [Int64]) throws(EmissionsError) {
        guard microjoules.count == 100, (1...100).contains(percent), let last = microjoules.last, last > 0 else {
            throw EmissionsError(.missingInput, "a trial needs the energy up to each hundredth of a run")
        }
        let marks = (1...percent).map { step in
            ProgressMark(
                elapsedMilliseconds: milliseconds * Int64(step) / 100, microjoules: microjoules[step - 1],
                done: Double(step))
        }
        let forecast = try Forecast(marks: marks, units: 100).energyMicrojoules
        let truth = Double(last)
        self.percent = percent
        error = abs(forecast.total - truth) / truth
        proportionalError = abs(forecast.proportional - truth) / truth
        isCovered = forecast.interval.map { $0.contains(truth) }
        relativeWidth = forecast.interval.map { ($0.upperBound - $0.lowerBound) / truth }
    }
}
