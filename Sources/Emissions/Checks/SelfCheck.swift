import Energy

/// One thing that must hold before a report is issued. A report with one that does not hold is not issued.
package struct SelfCheck: Sendable, Hashable {
    package let id: String
    package let passed: Bool
    package let detail: String

    package init(id: String, passed: Bool, detail: String) {
        self.id = id
        self.passed = passed
        self.detail = detail
    }
}

extension SelfCheck {
    /// The lines of a table add up to its total, in integers.
    package static func sum(_ id: String, lines: [Int128], total: Int128) -> SelfCheck {
        var sum: Int128 = 0
        var overflow = false
        for line in lines {
            let (next, carry) = sum.addingReportingOverflow(line)
            sum = next
            overflow = overflow || carry
        }
        return SelfCheck(
            id: id, passed: !overflow && sum == total,
            detail: overflow ? "the lines overflow" : "lines \(sum), total \(total), difference \(total &- sum)")
    }

    /// Location-based emissions over energy lie where grids lie: 10 to 1,200 g/kWh.
    package static func impliedFactor(units: Int128, mass: CarbonMass) -> SelfCheck {
        let id = "implied-factor"
        guard units > 0 else {
            return SelfCheck(
                id: id, passed: mass.units == 0, detail: "no energy, \(mass.units == 0 ? "no" : "some") mass")
        }
        // mass.units / units is µg/kWh.
        let micrograms = floorDivide(mass.units, by: units)
        return SelfCheck(
            id: id, passed: micrograms >= 10_000_000 && micrograms <= 1_200_000_000,
            detail: "\(DecimalFigure(coefficient: micrograms / 1000, scale: 3).text) g/kWh, allowed 10 to 1200")
    }

    /// Mean power of devices stays below their limit.
    ///
    /// - Parameter deviceSeconds: devices times the time that they were allocated.
    package static func power(
        _ name: String, microjoules: Int128, deviceSeconds: Int128, limitWatts: Int64
    ) -> SelfCheck {
        let id = "power-within-limit"
        guard deviceSeconds > 0 else {
            return SelfCheck(id: id, passed: microjoules == 0, detail: "\(name): energy without device time")
        }
        let microwatts = floorDivide(microjoules, by: deviceSeconds)
        let (limit, overflow) = Int128(limitWatts).multipliedReportingOverflow(by: 1_000_000)
        return SelfCheck(
            id: id, passed: !overflow && microwatts >= 0 && microwatts <= limit,
            detail: "\(name): mean \(microwatts / 1_000_000) W, limit \(limitWatts) W")
    }

    package static func times(_ name: String, startMicroseconds: Int64, stopMicroseconds: Int64) -> SelfCheck {
        SelfCheck(
            id: "stop-after-start", passed: stopMicroseconds > startMicroseconds,
            detail: "\(name): \(startMicroseconds) to \(stopMicroseconds) µs")
    }

    /// - Parameter expected: nil when no manifest says; then nothing is compared, and the coverage is unknown
    ///   elsewhere.
    package static func nodes(_ name: String, reporting: Int, expected: Int?) -> SelfCheck {
        SelfCheck(
            id: "nodes-reporting", passed: expected.map { $0 == reporting } ?? true,
            detail: "\(name): \(reporting) reporting, \(expected.map(String.init) ?? "unknown") expected")
    }

    package static func powerUsageEffectiveness(_ value: DecimalFigure) -> SelfCheck {
        SelfCheck(id: "pue-at-least-1", passed: value >= .one, detail: "PUE \(value.text)")
    }

    /// Matched energy is no more than the load.
    package static func matching(_ id: String, _ figure: MarketBased.Figure) -> SelfCheck {
        SelfCheck(
            id: id, passed: figure.matchedUnits >= 0 && figure.matchedUnits <= figure.loadUnits,
            detail: "matched \(figure.matchedUnits) of \(figure.loadUnits) units of 10^-4 µJ")
    }

    /// The zones of a location-based figure add up to its total.
    package static func zones(_ figure: LocationBased) -> SelfCheck {
        SelfCheck.sum(
            "zones-sum-to-total", lines: figure.uses.map(\.mass.units), total: figure.countedMass.units)
    }

    /// A printed figure has no more significant figures than its uncertainty bears.
    package static func figures(
        _ name: String, printed: Int, value: ExactRatio, relativeExpanded: Double
    ) -> SelfCheck {
        let borne = UncertaintyBudget.significantFigures(value: value, relativeExpanded: relativeExpanded)
        return SelfCheck(
            id: "figures-within-uncertainty", passed: printed <= borne,
            detail: "\(name): \(printed) significant figures printed, \(borne) borne")
    }
}
