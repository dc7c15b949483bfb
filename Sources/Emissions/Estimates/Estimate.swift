/// An estimate for what was not measured: power times time, with everything it rests on.
///
/// The forms of Strubell et al. 2019, Patterson et al. 2021, Touvron et al. 2023, Carbontracker 2020 and the ML CO2
/// Impact calculator are this one with other inputs. Its figures are `estimated`, outside every measured total.
package struct Estimate: Sendable, Hashable {
    package struct Inputs: Sendable, Hashable {
        /// Mean power of one device, or of everything when `devices` is nil.
        package var powerWatts: DecimalFigure?
        /// Mean power of what stands beside the devices, all of it together: processors, memory, hosts.
        package var hostWatts: DecimalFigure?
        package var hours: DecimalFigure?
        package var devices: DecimalFigure?
        /// IT energy that a meter or a paper states, in place of power and time.
        package var statedKilowattHours: DecimalFigure?
        /// Stated where wall-clock hours are not, as model cards do.
        package var deviceHours: DecimalFigure?
        package var powerUsageEffectiveness: DecimalFigure?
        package var gramsPerKilowattHour: DecimalFigure?
        package var flop: DecimalFigure?
        /// Rate of one device, sustained.
        package var flopPerSecond: DecimalFigure?

        package init(
            powerWatts: DecimalFigure? = nil, hostWatts: DecimalFigure? = nil, hours: DecimalFigure? = nil,
            devices: DecimalFigure? = nil, deviceHours: DecimalFigure? = nil,
            powerUsageEffectiveness: DecimalFigure? = nil, gramsPerKilowattHour: DecimalFigure? = nil,
            flop: DecimalFigure? = nil, flopPerSecond: DecimalFigure? = nil,
            statedKilowattHours: DecimalFigure? = nil
        ) {
            self.powerWatts = powerWatts
            self.hostWatts = hostWatts
            self.hours = hours
            self.devices = devices
            self.deviceHours = deviceHours
            self.powerUsageEffectiveness = powerUsageEffectiveness
            self.gramsPerKilowattHour = gramsPerKilowattHour
            self.flop = flop
            self.flopPerSecond = flopPerSecond
            self.statedKilowattHours = statedKilowattHours
        }
    }

    /// Device-hours: stated, or from operations over rate.
    package let deviceHours: ExactRatio?
    /// How long it took: stated, or device-hours over devices.
    package let hours: ExactRatio?
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
        let time = try Self.time(inputs, &basis, &missing)
        let energy = try Self.energy(inputs, time, &basis, &missing)
        basis.append(inputs.powerUsageEffectiveness.map { "PUE \($0.text)" } ?? "no PUE: IT energy without cooling")
        if let grams = inputs.gramsPerKilowattHour {
            basis.append("\(grams.text) g CO2e/kWh")
        } else {
            missing.append("emissions: no grid factor is given")
        }
        deviceHours = time.device
        hours = time.wall
        kilowattHours = energy
        kilograms = try Self.kilograms(energy, inputs.gramsPerKilowattHour)
        impliedUtilisation = try Self.utilisation(inputs, time.device)
        self.basis = basis
        self.missing = missing
    }

    private static func time(
        _ inputs: Inputs, _ basis: inout [String], _ missing: inout [String]
    ) throws(EmissionsError) -> (device: ExactRatio?, wall: ExactRatio?) {
        if let hours = inputs.hours {
            let holders = inputs.devices.map { "\($0.text) device\($0 == .one ? "" : "s")" } ?? "all devices together"
            basis.append("\(hours.text) h stated, \(holders)")
            return (try hours.ratio * (inputs.devices ?? .one), hours.ratio)
        }
        var device: ExactRatio?
        if let stated = inputs.deviceHours {
            basis.append("\(stated.text) device-hours stated")
            device = stated.ratio
        } else if let flop = inputs.flop, let rate = inputs.flopPerSecond {
            basis.append("device-hours from \(flop.text) FLOP at \(rate.text) FLOP/s a device, sustained")
            device = try flop.ratio / rate / DecimalFigure(3600)
        }
        guard let device else {
            if inputs.statedKilowattHours == nil {
                missing.append("time: give hours, device-hours, or FLOP and FLOP/s")
            }
            return (nil, nil)
        }
        guard let devices = inputs.devices else { return (device, nil) }
        return (device, try device / devices)
    }

    private static func energy(
        _ inputs: Inputs, _ time: (device: ExactRatio?, wall: ExactRatio?), _ basis: inout [String],
        _ missing: inout [String]
    ) throws(EmissionsError) -> ExactRatio? {
        if let stated = inputs.statedKilowattHours {
            guard inputs.powerWatts == nil, inputs.hostWatts == nil else {
                throw EmissionsError(.conflict, "energy and power are both stated: keep one")
            }
            basis.append("\(stated.text) kWh stated")
            return try stated.ratio * (inputs.powerUsageEffectiveness ?? .one)
        }
        var wattHours = ExactRatio.zero
        if let watts = inputs.powerWatts {
            let isTotal = inputs.devices == nil && inputs.hours != nil
            basis.append("\(watts.text) W \(isTotal ? "in all" : "a device"), constant")
            if let device = time.device { wattHours = try device * watts }
        }
        if let watts = inputs.hostWatts {
            basis.append("\(watts.text) W \(inputs.powerWatts == nil ? "in all" : "beside the devices"), constant")
            guard let wall = time.wall else {
                missing.append("energy: power of everything together needs hours, not device-hours alone")
                return nil
            }
            wattHours = try wattHours + wall * watts
        }
        guard inputs.powerWatts != nil || inputs.hostWatts != nil else {
            missing.append("energy: power is not given")
            return nil
        }
        guard time.device != nil else { return nil }
        return try wattHours / DecimalFigure(1000) * (inputs.powerUsageEffectiveness ?? .one)
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
            ("power", inputs.powerWatts), ("power", inputs.hostWatts), ("hours", inputs.hours),
            ("devices", inputs.devices), ("device-hours", inputs.deviceHours),
            ("the grid factor", inputs.gramsPerKilowattHour), ("FLOP", inputs.flop),
            ("energy", inputs.statedKilowattHours),
        ]
        for (name, value) in named {
            if let value, value < .zero { throw EmissionsError(.outOfRange, "\(name) is below zero") }
        }
        if let devices = inputs.devices, devices <= .zero {
            throw EmissionsError(.outOfRange, "devices must be above zero")
        }
        if let rate = inputs.flopPerSecond, rate <= .zero {
            throw EmissionsError(.outOfRange, "FLOP/s must be above zero")
        }
        if let pue = inputs.powerUsageEffectiveness, pue < .one {
            throw EmissionsError(.outOfRange, "PUE \(pue.text) is below 1: facility energy contains IT energy")
        }
    }
}
