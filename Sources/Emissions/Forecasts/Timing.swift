/// Where and when a job would have caused less: the same energy, hour by hour, in other zones and from other hours.
package struct Timing: Sendable, Hashable {
    package let zone: String
    /// First hour since 1970.
    package let startHour: Int64
    package let mass: CarbonMass

    /// All placements with a factor for every hour, the least first; ties by zone, then hour.
    ///
    /// - Parameters:
    ///   - hourlyMicrojoules: energy of the job's first, second … hour.
    ///   - startHours: candidates, for example the hours of the same day.
    package static func ranked(
        hourlyMicrojoules: [Int128], zones: [String], startHours: Range<Int64>, factors: FactorSet
    ) throws(EmissionsError) -> [Timing] {
        var options: [Timing] = []
        for zone in zones {
            for start in startHours {
                if let mass = try mass(hourlyMicrojoules, zone: zone, start: start, factors: factors) {
                    options.append(Timing(zone: zone, startHour: start, mass: mass))
                }
            }
        }
        return options.sorted { ($0.mass.units, $0.zone, $0.startHour) < ($1.mass.units, $1.zone, $1.startHour) }
    }

    private static func mass(
        _ energies: [Int128], zone: String, start: Int64, factors: FactorSet
    ) throws(EmissionsError) -> CarbonMass? {
        var mass = CarbonMass.zero
        for (offset, energy) in energies.enumerated() {
            guard let match = factors.factor(zone: zone, hour: start + Int64(offset)).match else { return nil }
            let (units, overflow) = energy.multipliedReportingOverflow(by: SupplyCell.unitsPerMicrojoule)
            guard !overflow else { throw .overflow }
            try mass.add(
                CarbonMass(supplyUnits: units, microgramsPerKilowattHour: match.factor.microgramsPerKilowattHour))
        }
        return mass
    }
}
