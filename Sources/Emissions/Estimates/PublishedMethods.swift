/// Methods of the field's papers with the constants that they print, so that their tables can be recomputed.
package enum PublishedMethod {
    /// Strubell, Ganesh, McCallum 2019 (arXiv 1906.02243): PUE 1.58 and 0.954 lb CO2e/kWh, the means of that time.
    package enum Strubell {
        package static let powerUsageEffectiveness = DecimalFigure(coefficient: 158, scale: 2)
        package static let poundsPerKilowattHour = DecimalFigure(coefficient: 954, scale: 3)

        /// 1.58 · h · (processors + memory + accelerators) / 1000.
        package static func kilowattHours(
            watts: DecimalFigure, hours: DecimalFigure
        ) throws(EmissionsError) -> ExactRatio {
            try powerUsageEffectiveness.ratio * hours * watts / DecimalFigure(1000)
        }

        package static func pounds(kilowattHours: ExactRatio) throws(EmissionsError) -> ExactRatio {
            try kilowattHours * poundsPerKilowattHour
        }

        /// The rented form: device-hours at a price. The paper gives a range, from preemptible to on demand.
        package static func cost(
            deviceHours: ExactRatio, pricePerDeviceHour: ClosedRange<DecimalFigure>
        ) throws(EmissionsError) -> ClosedRange<ExactRatio> {
            let low = try deviceHours * pricePerDeviceHour.lowerBound
            return low...(try deviceHours * pricePerDeviceHour.upperBound)
        }
    }

    /// Patterson et al. 2021 (arXiv 2104.10350): measured power of a processor with its share of memory, network and
    /// host.
    package enum Patterson {
        /// hours · processors · W · PUE / 10⁶.
        package static func megawattHours(
            hours: ExactRatio, processors: DecimalFigure, watts: DecimalFigure, powerUsageEffectiveness: DecimalFigure
        ) throws(EmissionsError) -> ExactRatio {
            try hours * processors * watts * powerUsageEffectiveness / DecimalFigure(1_000_000)
        }

        /// Tonnes, with the grid's factor (gross) or the factor after matched carbon-free energy (net).
        package static func tonnes(
            megawattHours: ExactRatio, kilogramsPerKilowattHour: DecimalFigure
        ) throws(EmissionsError) -> ExactRatio {
            try megawattHours * kilogramsPerKilowattHour
        }
    }

    /// Touvron et al. 2023 (LLaMA), after Wu et al. 2022: nameplate power, PUE 1.1, the US mean of 0.385 t/MWh.
    package enum LLaMA {
        package static let powerUsageEffectiveness = DecimalFigure(coefficient: 11, scale: 1)
        package static let tonnesPerMegawattHour = DecimalFigure(coefficient: 385, scale: 3)

        package static func megawattHours(
            deviceHours: DecimalFigure, nameplateWatts: DecimalFigure
        ) throws(EmissionsError) -> ExactRatio {
            try deviceHours.ratio * nameplateWatts * powerUsageEffectiveness / DecimalFigure(1_000_000)
        }

        package static func tonnes(megawattHours: ExactRatio) throws(EmissionsError) -> ExactRatio {
            try megawattHours * tonnesPerMegawattHour
        }
    }
}
