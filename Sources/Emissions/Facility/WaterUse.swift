/// Water for cooling and for the generation of the electricity used.
package struct WaterUse: Sendable, Hashable {
    /// WUE of the site in litres per kWh of IT energy (EN 50600-4-9).
    package var onSiteLitresPerKilowattHour: DecimalFigure
    /// Water of the electricity supply in litres per kWh drawn.
    package var offSiteLitresPerKilowattHour: DecimalFigure

    package init(onSiteLitresPerKilowattHour: DecimalFigure, offSiteLitresPerKilowattHour: DecimalFigure) {
        self.onSiteLitresPerKilowattHour = onSiteLitresPerKilowattHour
        self.offSiteLitresPerKilowattHour = offSiteLitresPerKilowattHour
    }

    /// Litres by the definition of WUE: E·WUE_on + E·PUE·WUE_off, since on-site WUE is stated for each IT kWh. Model
    /// cards of OLMo print E·PUE·(WUE_on + WUE_off), which is the same where nothing is used on the site.
    package func litres(
        equipmentKilowattHours: ExactRatio, powerUsageEffectiveness: DecimalFigure
    ) throws(EmissionsError) -> ExactRatio {
        try equipmentKilowattHours * onSiteLitresPerKilowattHour
            + equipmentKilowattHours * powerUsageEffectiveness * offSiteLitresPerKilowattHour
    }
}
