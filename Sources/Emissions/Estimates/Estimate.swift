/// An estimate for what was not measured: power times time, with everything it rests on.
///
/// The forms of Strubell et al. 2019, Patterson et al. 2021, Touvron et al. 2023, Carbontracker 2020 and the ML CO2
/// Impact calculator are this one with other inputs. Its figures are `estimated`, outside every measured total.
package struct Estimate: Sendable, Hashable {
    package struct Inputs: Sendable, Hashable {
        /// Mean power of one device, or of everything when `devices` is nil.
        package var powerWatts: DecimalFigure?
        package var hours: DecimalFigure?
        package var devices: DecimalFigure?
        package var powerUsageEffectiveness: DecimalFigure?
        package var gramsPerKilowattHour: DecimalFigure?
        package var flop: DecimalFigure?
        /// Rate of one device, sustained.
        package var flopPerSecond: DecimalFigure?

        package init(
            powerWatts: DecimalFigure? = nil, hours: DecimalFigure? = nil, devices: DecimalFigure? = nil,
            powerUsageEffectiveness: DecimalFigure? = nil, gramsPerKilowattHour: DecimalFigure? = nil,
            flop: DecimalFigure? = nil, flopPerSecond: DecimalFigure? = nil
        ) {
            self.powerWatts = powerWatts
            self.hours = hours
            self.devices = devices
            self.powerUsageEffectiveness = powerUsageEffectiveness
            self.gramsPerKilowattHour = gramsPerKilowattHour
            self.flop = flop
            self.flopPerSecond = flopPerSecond
        }
    }

    /// Device-hours: stated, or from operations over rate.
    package let deviceHours: ExactRatio?
    package let kilowattHours: ExactRatio?
    package let kilograms: ExactRatio?
    /// Operations over what the devices could do in the stated hours, where both are given.
    package let impliedUtilisation: ExactRatio?
    /// What the figures rest on, one line each.
    package let basis: [String]
    /// Why a figure is nil.
    package let missing: [String]

    /// - Throws: `outOfRange` for an input that cannot be, `overflow`.
    package init(_ inputs: Inputs) throws(EmissionsError) {
        try Self.check(inputs)
        var basis: [String] = []
        var missing: [String] = []
        let devices = inputs.devices ?? .one
        var deviceHours: ExactRatio?
        if let hours = inputs.hours {
            deviceHours = try hours.ratio * devices
            let holders = inputs.devices.map { "\($0.text) devices" } ?? "all devices together"
            basis.append("\(hours.text) h stated, \(holders)")
        } else if let flop = inputs.flop, let rate = inputs.flopPerSecond {
            deviceHours = try flop.ratio / rate / DecimalFigure(3600)
            basis.append("device-hours from \(flop.text) FLOP at \(rate.text) FLOP/s a device, sustained")
        } else {
            missing.append("time: give hours, or FLOP and FLOP/s")
        }
        var energy: ExactRatio?
        if let watts = inputs.powerWatts {
            let isTotal = inputs.devices == nil && inputs.hours != nil
            basis.append("\(watts.text) W \(isTotal ? "in all" : "a device"), constant")
            if let deviceHours {
                energy = try deviceHours * watts / DecimalFigure(1000) * (inputs.powerUsageEffectiveness ?? .one)
            }
        } else {
            missing.append("energy: power is not given")
        }
        basis.append(inputs.powerUsageEffectiveness.map { "PUE \($0.text)" } ?? "no PUE: IT energy without cooling")
        if let grams = inputs.gramsPerKilowattHour {
            basis.append("\(grams.text) g CO2e/kWh")
        } else {
            missing.append("emissions: no grid factor is given")
        }
        self.deviceHours = deviceHours
        kilowattHours = energy
        kilograms = try Self.kilograms(energy, inputs.gramsPerKilowattHour)
        impliedUtilisation = try Self.utilisation(inputs, deviceHours)
        self.basis = basis
        self.missing = missing
    }

    private static func kilograms(
        _ energy: ExactRatio?, _ gramsPerKilowattHour: DecimalFigure?
    ) throws(EmissionsError) -> ExactRatio? {
        guard let energy, let gramsPerKilowattHour else { return nil }
        return try energy * gramsPerKilowattHour / DecimalFigure(1000)
    }

    private static func utilisation(
        _ inputs: Inputs, _ deviceHours: ExactRatio?
    ) throws(EmissionsError) -> ExactRatio? {
        guard inputs.hours != nil, let flop = inputs.flop, let rate = inputs.flopPerSecond, let deviceHours,
            deviceHours > .zero
        else { return nil }
        return try flop.ratio / (deviceHours * DecimalFigure(3600) * rate)
    }

    private static func check(_ inputs: Inputs) throws(EmissionsError) {
        let named: [(String, DecimalFigure?)] = [
            ("power", inputs.powerWatts), ("hours", inputs.hours), ("devices", inputs.devices),
            ("the grid factor", inputs.gramsPerKilowattHour), ("FLOP", inputs.flop),
        ]
        for (name, value) in named {
            if let value, value < .zero { throw EmissionsError(.outOfRange, "\(name) is below zero") }
        }
        if let rate = inputs.flopPerSecond, rate <= .zero {
            throw EmissionsError(.outOfRange, "FLOP/s must be above zero")
        }
        if let pue = inputs.powerUsageEffectiveness, pue < .one {
            throw EmissionsError(.outOfRange, "PUE \(pue.text) is below 1: facility energy contains IT energy")
        }
    }
}
