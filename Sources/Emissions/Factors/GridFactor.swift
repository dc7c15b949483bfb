package import Energy

/// How much CO2e the supply of one kWh in one zone and period causes.
package struct GridFactor: Sendable, Hashable {
    /// The zone as the data set names it: `DK-DK1`, `US-CAL-CISO`, `DE`.
    package var zone: String
    package var period: FactorPeriod
    package var microgramsPerKilowattHour: Int64
    /// The figure as it was published, with its unit, before any conversion.
    package var published: String
    /// The provider says that the value is modelled and not measured, or it covers only part of its period.
    package var isEstimated: Bool
    /// The value was a forecast when it was retrieved: to be replaced by the settled one.
    package var isForecast: Bool

    package init(
        zone: String, period: FactorPeriod, microgramsPerKilowattHour: Int64, published: String,
        isEstimated: Bool = false, isForecast: Bool = false
    ) {
        self.zone = zone
        self.period = period
        self.microgramsPerKilowattHour = microgramsPerKilowattHour
        self.published = published
        self.isEstimated = isEstimated
        self.isForecast = isForecast
    }

    /// The largest factor believed: no grid lies above 2 kg/kWh for a year, some hours on oil come near 3.
    package static let maximumMicrogramsPerKilowattHour: Int64 = 5_000_000_000

    package var gramsPerKilowattHour: DecimalFigure {
        DecimalFigure(coefficient: Int128(microgramsPerKilowattHour), scale: 6)
    }
}

/// What time a factor is for.
package enum FactorPeriod: Sendable, Hashable {
    /// Hours since 1970, UTC.
    case hour(Int64)
    case month(year: Int, month: Int)
    case year(Int)
}

/// What a set of factors counts. It stands beside every figure made with it (direct factors fit Scope 2; lifecycle
/// factors contain upstream emissions, which belong to Scope 3).
package struct FactorBasis: Sendable, Hashable {
    package enum Scope: String, Sendable, Hashable, CaseIterable {
        case direct, lifecycle, unknown
    }

    package enum Signal: String, Sendable, Hashable, CaseIterable {
        /// The mean over all generation: what an inventory counts.
        case average
        /// The last unit of generation: what a decision changes. Never in an inventory.
        case marginal
    }

    package enum Gases: String, Sendable, Hashable, CaseIterable {
        case carbonDioxide = "CO2"
        case carbonDioxideEquivalent = "CO2e"
        case unknown
    }

    /// The IPCC assessment report whose global warming potentials weigh the other gases.
    package enum WarmingPotentials: String, Sendable, Hashable, CaseIterable {
        case fourth = "AR4"
        case fifth = "AR5"
        case sixth = "AR6"
        case notStated = "not stated"
    }

    package var scope: Scope
    package var signal: Signal
    package var gases: Gases
    package var warmingPotentials: WarmingPotentials

    package init(
        scope: Scope, signal: Signal = .average, gases: Gases = .carbonDioxideEquivalent,
        warmingPotentials: WarmingPotentials = .notStated
    ) {
        self.scope = scope
        self.signal = signal
        self.gases = gases
        self.warmingPotentials = warmingPotentials
    }
}

/// Where a file of factors comes from, as its provider states it.
package struct FactorSource: Sendable, Hashable {
    package var provider: String
    package var dataset: String
    /// The provider's version of the data set; the year of publication where it has none.
    package var version: String
    package var licence: String
    /// Address or citation.
    package var citation: String
    /// Lower-case hex SHA-256 of the file or answer as it was received.
    package var fileSHA256: String
    package var retrievedAt: UTCTime?

    package init(
        provider: String, dataset: String, version: String, licence: String, citation: String, fileSHA256: String,
        retrievedAt: UTCTime? = nil
    ) {
        self.provider = provider
        self.dataset = dataset
        self.version = version
        self.licence = licence
        self.citation = citation
        self.fileSHA256 = fileSHA256
        self.retrievedAt = retrievedAt
    }
}
