/// The rate ((E · I) + M) / R of ISO/IEC 21031:2024, as SCI for AI asks of the provider of a model.
package struct SoftwareCarbonIntensity: Sendable, Hashable {
    package enum FunctionalUnit: String, Sendable, Hashable, CaseIterable {
        case floatingPointOperation = "FLOP"
        case trainingToken = "training token"
        case parameter
    }

    /// Whether R counts everything or only what had an effect: parameters active for a token, tokens seen once.
    package enum Counting: String, Sendable, Hashable, CaseIterable {
        case gross, effective
    }

    package let unit: FunctionalUnit
    package let counting: Counting
    package let rationale: String
    /// Grams of CO2e for one unit.
    package let gramsPerUnit: ExactRatio

    /// - Throws: `missingInput` without a rationale, which the specification demands; `dividedByZero` without units.
    package init(
        operationalGrams: ExactRatio, embodiedGrams: ExactRatio, units: DecimalFigure, unit: FunctionalUnit,
        counting: Counting, rationale: String
    ) throws(EmissionsError) {
        guard !rationale.isEmpty else {
            throw EmissionsError(.missingInput, "SCI needs the reason for its functional unit")
        }
        self.unit = unit
        self.counting = counting
        self.rationale = rationale
        gramsPerUnit = try (operationalGrams + embodiedGrams) / units
    }
}
