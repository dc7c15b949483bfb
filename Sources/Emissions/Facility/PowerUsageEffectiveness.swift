package import Energy

/// The PUE of a site in a span of time: facility energy over IT energy (EN 50600-4-2, ISO/IEC 30134-2).
package struct PowerUsageEffectiveness: Sendable, Hashable {
    package enum Category: String, Sendable, Hashable, CaseIterable {
        /// Where the IT energy is metered: at the UPS output, at the distribution unit, at the equipment.
        case one = "1"
        case two = "2"
        case three = "3"
        case notStated = "not stated"
    }

    package enum Source: String, Sendable, Hashable, CaseIterable {
        /// The operator's meters.
        case metered
        /// The operator's statement without meters behind it.
        case stated
        /// A published average, not of this site.
        case published
    }

    package let value: DecimalFigure
    package let category: Category
    package let source: Source
    /// From whole hour to whole hour.
    package let interval: UTCInterval
    /// The value in ten-thousandths.
    package let tenThousandths: Int64

    /// - Throws: `outOfRange` below 1, above 10, with more than four decimals, or for an empty span.
    package init(
        value: DecimalFigure, category: Category, source: Source, interval: UTCInterval
    ) throws(EmissionsError) {
        guard let tenThousandths = value.exactUnits(decimals: 4) else {
            throw EmissionsError(.outOfRange, "PUE \(value.text): at most four decimals")
        }
        guard (10_000...100_000).contains(tenThousandths) else {
            throw EmissionsError(.outOfRange, "PUE \(value.text): facility over IT energy lies between 1 and 10")
        }
        guard interval.start < interval.end, interval.start.isWholeHour, interval.end.isWholeHour else {
            throw EmissionsError(.outOfRange, "PUE \(value.text): its span must run from a whole hour to a later one")
        }
        self.value = value
        self.category = category
        self.source = source
        self.interval = interval
        self.tenThousandths = tenThousandths
    }
}

/// The PUE of one site over time, without overlaps.
package struct PUESchedule: Sendable, Hashable {
    package let site: String
    package let entries: [PowerUsageEffectiveness]

    package init(site: String, entries: [PowerUsageEffectiveness]) throws(EmissionsError) {
        let sorted = entries.sorted { $0.interval.start < $1.interval.start }
        for (earlier, later) in zip(sorted, sorted.dropFirst()) where earlier.interval.end > later.interval.start {
            throw EmissionsError(
                .conflict, "site \(site): PUE \(earlier.value.text) and \(later.value.text) hold at the same time")
        }
        self.site = site
        self.entries = sorted
    }

    package func entry(hour: Int64) -> PowerUsageEffectiveness? {
        entries.first { $0.interval.start.hour <= hour && hour < $0.interval.end.hour }
    }
}
