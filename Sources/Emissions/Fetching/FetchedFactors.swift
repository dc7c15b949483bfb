import Energy

/// What a provider knew of the hours that were asked.
package struct FetchedFactors: Sendable, Hashable {
    package var basis: FactorBasis
    /// One an hour at most, in their order, under the zone's own name.
    package var factors: [GridFactor] = []
    /// Hours without a value. Nothing is put in their place.
    package var missingHours: [Int64] = []
    /// Hours that had a forecast only, and were left out for it. They are among the missing.
    package var forecastHours = 0
    /// The model behind the values, where the provider names it.
    package var version: String?

    package var estimatedHours: Int { factors.count { $0.isEstimated } }

    /// The table as `FactorFile(ownTable:…)` reads it.
    package var tableText: String {
        var text = "zone,period,g_per_kwh,estimated,forecast\n"
        for factor in factors {
            let flags = "\(factor.isEstimated),\(factor.isForecast)"
            text += "\(factor.zone),\(factor.period.text),\(factor.gramsPerKilowattHour.text),\(flags)\n"
        }
        return text
    }

    /// Missing hours as spans `2024-03-01T05Z/2024-03-01T07Z`, the end not included.
    package var missingSpans: [String] {
        var spans: [Range<Int64>] = []
        for hour in missingHours {
            if let last = spans.last, last.upperBound == hour {
                spans[spans.count - 1] = last.lowerBound..<(hour + 1)
            } else {
                spans.append(hour..<(hour + 1))
            }
        }
        return spans.map { "\(FactorPeriod.hour($0.lowerBound).text)/\(FactorPeriod.hour($0.upperBound).text)" }
    }
}
