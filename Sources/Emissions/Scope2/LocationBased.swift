/// Scope 2 emissions by the grid's mean: Σ over hours and zones of energy × factor (GHG Protocol, location-based
/// method).
package struct LocationBased: Sendable, Hashable {
    package struct Zone: Sendable, Hashable {
        package let zone: String
        package let units: Int128
        /// Nil when an hour of the zone has no factor: then the energy stands alone.
        package let mass: CarbonMass?
    }

    /// How much energy was counted with which factor, for the citation beside the figure.
    package struct Use: Sendable, Hashable {
        package let zone: String
        package let file: Int
        package let resolution: FactorMatch.Resolution
        package let isCountry: Bool
        package let yearsEarlier: Int
        package let isEstimated: Bool
        package let isForecast: Bool
        package let units: Int128
        package let mass: CarbonMass
    }

    package struct Missing: Sendable, Hashable {
        package let zone: String
        package let hours: Int
        package let units: Int128
        package let reason: String
    }

    /// By zone.
    package let zones: [Zone]
    /// Nil when anything is missing: a part is never passed off as the whole.
    package let mass: CarbonMass?
    /// What could be counted.
    package let countedMass: CarbonMass
    package let uses: [Use]
    package let missing: [Missing]

    /// Sums in the order (hour, zone) that the cells stand in.
    package init(cells: [SupplyCell], factors: FactorSet) throws(EmissionsError) {
        var fold = Fold()
        for cell in cells { try fold.add(cell, factors.factor(zone: cell.zone, hour: cell.hour)) }
        missing = fold.missing.values.sorted { ($0.zone, $0.reason) < ($1.zone, $1.reason) }.map {
            Missing(zone: $0.zone, hours: $0.hours.count, units: $0.units, reason: $0.reason)
        }
        let incomplete = Set(missing.map(\.zone))
        zones = fold.zones.sorted { $0.key < $1.key }.map { zone, sums in
            Zone(zone: zone, units: sums.units, mass: incomplete.contains(zone) ? nil : sums.mass)
        }
        uses = fold.uses.sorted { $0.key < $1.key }.map { key, sums in
            Use(
                zone: key.zone, file: key.file, resolution: key.resolution, isCountry: key.isCountry,
                yearsEarlier: key.yearsEarlier, isEstimated: key.isEstimated, isForecast: key.isForecast,
                units: sums.units, mass: sums.mass)
        }
        countedMass = fold.total
        mass = missing.isEmpty ? fold.total : nil
    }

    private struct Sums {
        var units: Int128 = 0
        var mass = CarbonMass.zero
    }

    private struct MissingSums {
        var zone: String
        var reason: String
        var hours: Set<Int64> = []
        var units: Int128 = 0
    }

    private struct UseKey: Hashable, Comparable {
        var zone: String
        var file: Int
        var resolution: FactorMatch.Resolution
        var isCountry: Bool
        var yearsEarlier: Int
        var isEstimated: Bool
        var isForecast: Bool

        private var order: (String, Int, String, Int, Int, Int) {
            (
                zone, file, resolution.rawValue, isCountry ? 1 : 0, yearsEarlier,
                (isEstimated ? 1 : 0) + (isForecast ? 2 : 0)
            )
        }

        static func < (left: UseKey, right: UseKey) -> Bool { left.order < right.order }
    }

    private struct Fold {
        var zones: [String: Sums] = [:]
        var uses: [UseKey: Sums] = [:]
        var missing: [String: MissingSums] = [:]
        var total = CarbonMass.zero

        mutating func add(_ cell: SupplyCell, _ lookup: FactorLookup) throws(EmissionsError) {
            var mass = CarbonMass.zero
            switch lookup {
            case .missing(let reason):
                var sums = missing[reason] ?? MissingSums(zone: cell.zone, reason: reason)
                sums.hours.insert(cell.hour)
                sums.units = try sum(sums.units, cell.units)
                missing[reason] = sums
            case .found(let match):
                mass = try CarbonMass(
                    supplyUnits: cell.units, microgramsPerKilowattHour: match.factor.microgramsPerKilowattHour)
                let key = UseKey(
                    zone: cell.zone, file: match.file, resolution: match.resolution, isCountry: match.isCountry,
                    yearsEarlier: match.yearsEarlier, isEstimated: match.factor.isEstimated,
                    isForecast: match.factor.isForecast)
                try Self.add(cell.units, mass, to: &uses[key, default: Sums()])
            }
            try Self.add(cell.units, mass, to: &zones[cell.zone, default: Sums()])
            try total.add(mass)
        }

        private static func add(_ units: Int128, _ mass: CarbonMass, to sums: inout Sums) throws(EmissionsError) {
            sums.units = try sum(sums.units, units)
            try sums.mass.add(mass)
        }
    }
}
