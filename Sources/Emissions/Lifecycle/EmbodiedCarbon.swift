/// Emissions of making a device, shared out over its life.
package struct EmbodiedCarbon: Sendable, Hashable {
    package enum Boundary: String, Sendable, Hashable, CaseIterable {
        case cradleToGate = "cradle-to-gate"
        case cradleToGrave = "cradle-to-grave"
        case notStated = "not stated"
    }

    /// Making one unit: a device, or a server with all that is in it.
    package var kilogramsPerUnit: DecimalFigure
    package var boundary: Boundary
    package var source: String
    /// Devices that one unit holds: 8 for a server of eight accelerators, 1 for a device by itself.
    package var devicesPerUnit: Int
    package var lifetimeYears: DecimalFigure
    /// Share of its life in which the unit works for somebody, above 0 to 1.
    package var utilisation: DecimalFigure

    package init(
        kilogramsPerUnit: DecimalFigure, boundary: Boundary, source: String, devicesPerUnit: Int,
        lifetimeYears: DecimalFigure, utilisation: DecimalFigure = .one
    ) throws(EmissionsError) {
        guard kilogramsPerUnit >= .zero, devicesPerUnit >= 1, lifetimeYears > .zero, utilisation > .zero,
            utilisation <= .one
        else {
            throw EmissionsError(
                .outOfRange,
                "embodied carbon needs mass ≥ 0, at least one device, a lifetime, and utilisation in (0, 1]")
        }
        self.kilogramsPerUnit = kilogramsPerUnit
        self.boundary = boundary
        self.source = source
        self.devicesPerUnit = devicesPerUnit
        self.lifetimeYears = lifetimeYears
        self.utilisation = utilisation
    }

    /// Kilograms for so many device-hours: TE · (hours / devices) / (years · 8760 · utilisation).
    package func kilograms(deviceHours: ExactRatio) throws(EmissionsError) -> ExactRatio {
        let lifetimeHours = try lifetimeYears.ratio * DecimalFigure(8760) * utilisation
        return try kilogramsPerUnit.ratio * (deviceHours / DecimalFigure(devicesPerUnit)) / lifetimeHours
    }

    /// The form of ISO/IEC 21031: TE · (time reserved / expected lifespan) · (resources reserved / total resources).
    package static func share(
        totalKilograms: DecimalFigure, reservedHours: ExactRatio, lifespanHours: DecimalFigure,
        reservedResources: DecimalFigure, totalResources: DecimalFigure
    ) throws(EmissionsError) -> ExactRatio {
        try totalKilograms.ratio * (reservedHours / lifespanHours) * (reservedResources.ratio / totalResources)
    }
}
