/// Exact factors between units (1 lb: the international avoirdupois pound of 1959).
package enum Unit {
    package static let microjoulesPerKilowattHour: Int128 = 3_600_000_000_000
    package static let gramsPerPound = DecimalFigure(coefficient: 45_359_237, scale: 5)
    package static let kilogramsPerPound = DecimalFigure(coefficient: 45_359_237, scale: 8)
}

extension ExactRatio {
    package static func kilowattHours(microjoules: Int128) throws(EmissionsError) -> ExactRatio {
        try ExactRatio(microjoules, over: Unit.microjoulesPerKilowattHour)
    }

    package static func megawattHours(microjoules: Int128) throws(EmissionsError) -> ExactRatio {
        try ExactRatio(microjoules, over: Unit.microjoulesPerKilowattHour * 1000)
    }
}

/// A mass of CO2e as an exact sum of energy × factor, in units of 10⁻⁴ µJ · µg/kWh.
///
/// Energy is integer µJ times PUE in ten-thousandths, factors are integer µg/kWh, so every product is an integer; 128
/// bits hold 4.7 Gt.
package struct CarbonMass: Sendable, Hashable, Comparable {
    package private(set) var units: Int128

    /// Units in one microgram.
    package static let unitsPerMicrogram = Unit.microjoulesPerKilowattHour * SupplyCell.unitsPerMicrojoule
    package static let zero = CarbonMass(units: 0)

    package init(units: Int128) { self.units = units }

    package init(supplyUnits: Int128, microgramsPerKilowattHour: Int64) throws(EmissionsError) {
        let (product, overflow) = supplyUnits.multipliedReportingOverflow(by: Int128(microgramsPerKilowattHour))
        guard !overflow else { throw .overflow }
        units = product
    }

    package mutating func add(_ other: CarbonMass) throws(EmissionsError) {
        let (sum, overflow) = units.addingReportingOverflow(other.units)
        guard !overflow else { throw .overflow }
        units = sum
    }

    package var grams: ExactRatio { get throws(EmissionsError) { try perMicrograms(1_000_000) } }
    package var kilograms: ExactRatio { get throws(EmissionsError) { try perMicrograms(1_000_000_000) } }
    package var tonnes: ExactRatio { get throws(EmissionsError) { try perMicrograms(1_000_000_000_000) } }

    private func perMicrograms(_ micrograms: Int128) throws(EmissionsError) -> ExactRatio {
        try ExactRatio(units, over: Self.unitsPerMicrogram * micrograms)
    }

    package static func < (left: CarbonMass, right: CarbonMass) -> Bool { left.units < right.units }
}
