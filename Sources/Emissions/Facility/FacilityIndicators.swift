/// Key figures of one data centre over one calendar year, after Delegated Regulation (EU) 2024/1364 with EN 50600-4.
package struct FacilityIndicators: Sendable, Hashable {
    /// What is read off meters and contracts. Nil is "not given", never zero.
    package struct Inputs: Sendable, Hashable {
        /// EDC: all energy into the data centre before the transfer switch, fuels included, back-up generation apart.
        package var totalKilowattHours: DecimalFigure
        /// EIT: energy to the IT equipment, at the UPS output.
        package var equipmentKilowattHours: DecimalFigure
        /// WIN: water in, in cubic metres.
        package var waterCubicMetres: DecimalFigure?
        /// EREUSE: heat handed over for reuse, own use deducted.
        package var reusedKilowattHours: DecimalFigure?
        package var renewable: RenewableEnergy?
        /// Emissions of the energy used, for CUE.
        package var carbonKilograms: DecimalFigure?

        package init(
            totalKilowattHours: DecimalFigure, equipmentKilowattHours: DecimalFigure,
            waterCubicMetres: DecimalFigure? = nil, reusedKilowattHours: DecimalFigure? = nil,
            renewable: RenewableEnergy? = nil, carbonKilograms: DecimalFigure? = nil
        ) {
            self.totalKilowattHours = totalKilowattHours
            self.equipmentKilowattHours = equipmentKilowattHours
            self.waterCubicMetres = waterCubicMetres
            self.reusedKilowattHours = reusedKilowattHours
            self.renewable = renewable
            self.carbonKilograms = carbonKilograms
        }
    }

    /// ERES-TOT and its parts. Power under a contract or from the site counts only with its guarantees owned and
    /// cancelled.
    package struct RenewableEnergy: Sendable, Hashable {
        package var guaranteesKilowattHours: DecimalFigure
        package var purchaseAgreementsKilowattHours: DecimalFigure
        package var onSiteKilowattHours: DecimalFigure

        package init(
            guaranteesKilowattHours: DecimalFigure, purchaseAgreementsKilowattHours: DecimalFigure = .zero,
            onSiteKilowattHours: DecimalFigure = .zero
        ) {
            self.guaranteesKilowattHours = guaranteesKilowattHours
            self.purchaseAgreementsKilowattHours = purchaseAgreementsKilowattHours
            self.onSiteKilowattHours = onSiteKilowattHours
        }

        package var totalKilowattHours: ExactRatio {
            get throws(EmissionsError) {
                try guaranteesKilowattHours.ratio + purchaseAgreementsKilowattHours.ratio + onSiteKilowattHours.ratio
            }
        }
    }

    /// EDC / EIT.
    package let powerUsageEffectiveness: ExactRatio
    /// WIN / EIT in m³/MWh, the same number in L/kWh.
    package let waterUsageEffectiveness: ExactRatio?
    /// EREUSE / EDC.
    package let energyReuseFactor: ExactRatio?
    /// ERES-TOT / EDC.
    package let renewableEnergyFactor: ExactRatio?
    /// kg CO2e / EIT in kg/kWh.
    package let carbonUsageEffectiveness: ExactRatio?

    /// - Throws: `outOfRange` when an input is below zero, EIT is zero or above EDC, or a part exceeds EDC.
    package init(_ inputs: Inputs) throws(EmissionsError) {
        let total = inputs.totalKilowattHours
        let equipment = inputs.equipmentKilowattHours
        guard equipment > .zero else { throw EmissionsError(.outOfRange, "EIT must be above zero") }
        guard total >= equipment else {
            throw EmissionsError(.outOfRange, "EDC \(total.text) kWh is below EIT \(equipment.text) kWh: swapped?")
        }
        let amounts = [
            ("WIN", inputs.waterCubicMetres), ("EREUSE", inputs.reusedKilowattHours), ("CO2", inputs.carbonKilograms),
        ]
        for (name, value) in amounts {
            if let value, value < .zero { throw EmissionsError(.outOfRange, "\(name) is below zero") }
        }
        powerUsageEffectiveness = try total.ratio / equipment
        waterUsageEffectiveness = try inputs.waterCubicMetres.map { water throws(EmissionsError) in
            try water.ratio * DecimalFigure(1000) / equipment
        }
        energyReuseFactor = try inputs.reusedKilowattHours.map { reused throws(EmissionsError) in
            try reused.ratio / total
        }
        renewableEnergyFactor = try inputs.renewable.map { renewable throws(EmissionsError) in
            try renewable.totalKilowattHours / total.ratio
        }
        carbonUsageEffectiveness = try inputs.carbonKilograms.map { carbon throws(EmissionsError) in
            try carbon.ratio / equipment
        }
        for (name, share) in [("EREUSE", energyReuseFactor), ("ERES-TOT", renewableEnergyFactor)] {
            if let share, share < .zero || (name == "EREUSE" && share > .one) {
                throw EmissionsError(.outOfRange, "\(name) is not between zero and EDC")
            }
        }
    }
}
