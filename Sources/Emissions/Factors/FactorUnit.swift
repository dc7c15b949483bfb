/// Units in which providers publish factors.
package enum FactorUnit: String, Sendable, Hashable, CaseIterable {
    case gramsPerKilowattHour = "g/kWh"
    case kilogramsPerKilowattHour = "kg/kWh"
    case poundsPerMegawattHour = "lb/MWh"
    case tonnesPerMegawattHour = "t/MWh"

    private var gramsPerKilowattHour: DecimalFigure {
        switch self {
        case .gramsPerKilowattHour: .one
        case .kilogramsPerKilowattHour, .tonnesPerMegawattHour: DecimalFigure(1000)
        case .poundsPerMegawattHour: Unit.kilogramsPerPound
        }
    }

    /// The value in µg/kWh, rounded once, half to even.
    ///
    /// - Throws: `outOfRange` for values below zero or above what any grid has: mostly a wrong unit.
    package func microgramsPerKilowattHour(_ value: DecimalFigure) throws(EmissionsError) -> Int64 {
        let grams = try value.ratio * gramsPerKilowattHour
        let micrograms = try (grams * DecimalFigure(1_000_000)).units(decimals: 0)
        guard (0...Int128(GridFactor.maximumMicrogramsPerKilowattHour)).contains(micrograms) else {
            throw EmissionsError(
                .outOfRange,
                "\(value.text) \(rawValue) is no grid's factor (0 to 5000 g/kWh): check the unit")
        }
        return Int64(micrograms)
    }
}
