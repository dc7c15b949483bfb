/// Scope 2 emissions by contracts (GHG Protocol, market-based method), by the annual and by the hourly rule side by
/// side: what matches over a year can miss most hours.
package struct MarketBased: Sendable, Hashable {
    package struct Figure: Sendable, Hashable {
        package let loadUnits: Int128
        package let matchedUnits: Int128
        /// Nil when the factor for uncovered energy is missing.
        package let mass: CarbonMass?
        /// By zone.
        package let zones: [LocationBased.Zone]
        package let missing: [String]

        /// Matched over load, 0 to 1; nil without load.
        package var matchedShare: ExactRatio? { loadUnits > 0 ? try? ExactRatio(matchedUnits, over: loadUnits) : nil }
    }

    package let annual: Figure
    package let hourly: Figure
    /// Why the grid's mean stands in for a residual mix; nil when there is one.
    package let residualAbsent: String?
    /// What earlier load of the calendar year has taken of each instrument, by its id.
    package let unitsUsedBefore: [String: Int128]

    /// - Parameters:
    ///   - cells: the supply of the location-based figure.
    ///   - gridFactors: the factors of the location-based figure, for markets without a residual mix.
    ///   - earlier: the supply of the same calendar year before the cells: it takes its part of the instruments first,
    ///     so that what twelve monthly figures use of a certificate is what the year's figure uses, and no more.
    package init(
        cells: [SupplyCell], instruments: [Instrument], residual: ResidualMix, gridFactors: FactorSet,
        earlier: [SupplyCell] = []
    ) throws(EmissionsError) {
        let uncovered = UncoveredFactors(residual: residual, gridFactors: gridFactors)
        var supply = ContractedSupply(instruments)
        var usedBefore: [String: Int128] = [:]
        for (key, group) in Self.grouped(earlier, by: { MatchingGroup(market: $0.market, time: .year($0.year)) }) {
            for (id, units) in supply.take(try MatchingFold.load(group), from: key) {
                usedBefore[id] = try sum(usedBefore[id] ?? 0, units)
            }
        }
        unitsUsedBefore = usedBefore
        var annual = MatchingFold()
        for (key, group) in Self.grouped(cells, by: { MatchingGroup(market: $0.market, time: .year($0.year)) }) {
            try annual.add(group, supply: supply.offers(key), uncovered: uncovered)
        }
        var hourly = MatchingFold()
        for cells in Self.byHour(cells) {
            for (key, group) in Self.grouped(cells, by: { MatchingGroup(market: $0.market, time: .hour($0.hour)) }) {
                try hourly.add(group, supply: supply.offers(key), uncovered: uncovered)
            }
        }
        self.annual = try annual.figure
        self.hourly = try hourly.figure
        if case .absent(let reason) = residual { residualAbsent = reason } else { residualAbsent = nil }
    }

    /// Runs of one hour each; a year has thousands, so they are cut and not hashed.
    private static func byHour(_ cells: [SupplyCell]) -> [ArraySlice<SupplyCell>] {
        let isSorted = zip(cells, cells.dropFirst()).allSatisfy { $0.hour <= $1.hour }
        var rest = (isSorted ? cells : cells.sorted { $0.hour < $1.hour })[...]
        var runs: [ArraySlice<SupplyCell>] = []
        while let hour = rest.first?.hour {
            let run = rest.prefix { $0.hour == hour }
            runs.append(run)
            rest = rest.dropFirst(run.count)
        }
        return runs
    }

    private static func grouped(
        _ cells: some Collection<SupplyCell>, by key: (SupplyCell) -> MatchingGroup
    ) -> [(MatchingGroup, [SupplyCell])] {
        Dictionary(grouping: cells, by: key).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

/// Within what load and supply are matched: a market and an hour, or a market and a calendar year.
struct MatchingGroup: Hashable, Comparable {
    enum Time: Hashable {
        case hour(Int64)
        case year(Int)
    }

    var market: String
    var time: Time

    private var order: (Int64, String) {
        switch time {
        case .hour(let hour): (hour, market)
        case .year(let year): (Int64(year), market)
        }
    }

    static func < (left: MatchingGroup, right: MatchingGroup) -> Bool { left.order < right.order }
}

extension SupplyCell {
    fileprivate var year: Int { CivilDate(hour: hour).year }
}

/// Instruments in the order of use: the highest factor first, because what a surplus leaves unused must not be the part
/// that emits; then by id.
private struct ContractedSupply {
    struct Offer {
        var id: String
        var units: Int128
        var microgramsPerKilowattHour: Int64
    }

    private var byGroup: [MatchingGroup: [Offer]] = [:]

    init(_ instruments: [Instrument]) {
        let ordered = instruments.sorted {
            ($1.microgramsPerKilowattHour, $0.id) < ($0.microgramsPerKilowattHour, $1.id)
        }
        for instrument in ordered {
            guard let year = instrument.vintageYear else { continue }
            add(instrument, instrument.volume.microjoules, .year(year))
            guard case .hourly(let hours) = instrument.volume else { continue }
            for (hour, energy) in hours { add(instrument, energy, .hour(hour)) }
        }
    }

    private mutating func add(_ instrument: Instrument, _ microjoules: Int128, _ time: MatchingGroup.Time) {
        let (units, overflow) = microjoules.multipliedReportingOverflow(by: SupplyCell.unitsPerMicrojoule)
        byGroup[MatchingGroup(market: instrument.market, time: time), default: []].append(
            Offer(
                id: instrument.id, units: overflow ? .max : units,
                microgramsPerKilowattHour: instrument.microgramsPerKilowattHour))
    }

    /// Uses offers up in their order.
    ///
    /// - Returns: what was taken of each.
    mutating func take(_ load: Int128, from group: MatchingGroup) -> [(id: String, units: Int128)] {
        guard var offers = byGroup[group] else { return [] }
        var left = load
        var taken: [(id: String, units: Int128)] = []
        for index in offers.indices where left > 0 {
            let units = min(left, offers[index].units)
            left -= units
            offers[index].units -= units
            if units > 0 { taken.append((offers[index].id, units)) }
        }
        byGroup[group] = offers
        return taken
    }

    func offers(_ group: MatchingGroup) -> [Offer] { byGroup[group] ?? [] }
}

/// The factor for energy that no instrument covers.
private struct UncoveredFactors {
    var residual: ResidualMix
    var gridFactors: FactorSet

    func factor(_ cell: SupplyCell) -> FactorLookup {
        switch residual {
        case .factors(let set):
            let lookup = set.factor(zone: cell.market, hour: cell.hour)
            if case .missing(let reason) = lookup { return .missing("residual mix: \(reason)") }
            return lookup
        case .absent: return gridFactors.factor(zone: cell.zone, hour: cell.hour)
        }
    }
}

private struct MatchingFold {
    private struct Sums {
        var units: Int128 = 0
        var mass: CarbonMass? = .zero
    }

    private var load: Int128 = 0
    private var matched: Int128 = 0
    private var zones: [String: Sums] = [:]
    private var missing: Set<String> = []

    /// Matches one group: supply never exceeds its load, and nothing is carried to another group.
    mutating func add(
        _ cells: [SupplyCell], supply: [ContractedSupply.Offer], uncovered: UncoveredFactors
    ) throws(EmissionsError) {
        let (zones, loads) = try Self.loads(cells)
        let positive = loads.map { max(0, $0) }
        let groupLoad = try Self.load(cells)
        var left = groupLoad
        var contracted = CarbonMass.zero
        for offer in supply {
            let taken = min(left, offer.units)
            left -= taken
            try contracted.add(
                CarbonMass(supplyUnits: taken, microgramsPerKilowattHour: offer.microgramsPerKilowattHour))
        }
        let covered = try proportionalShares(of: groupLoad - left, weights: positive)
        let masses = try proportionalShares(of: contracted.units, weights: positive)
        for (index, zone) in zones.enumerated() {
            let rest = try uncoveredMass(
                cells.filter { $0.zone == zone }, uncoveredUnits: loads[index] - covered[index], load: loads[index],
                uncovered: uncovered)
            try add(zone: zone, load: loads[index], contracted: CarbonMass(units: masses[index]), rest: rest)
        }
        load = try sum(load, groupLoad)
        matched = try sum(matched, groupLoad - left)
    }

    private static func loads(_ cells: [SupplyCell]) throws(EmissionsError) -> (zones: [String], loads: [Int128]) {
        var byZone: [String: Int128] = [:]
        for cell in cells { byZone[cell.zone] = try sum(byZone[cell.zone] ?? 0, cell.units) }
        let sorted = byZone.sorted { $0.key < $1.key }
        return (sorted.map(\.key), sorted.map(\.value))
    }

    /// What there is to match: a zone that is below zero has nothing.
    static func load(_ cells: [SupplyCell]) throws(EmissionsError) -> Int128 {
        var load: Int128 = 0
        for units in try loads(cells).loads { load = try sum(load, max(0, units)) }
        return load
    }

    private mutating func add(
        zone: String, load: Int128, contracted: CarbonMass, rest: CarbonMass?
    ) throws(EmissionsError) {
        var sums = zones[zone] ?? Sums()
        sums.units = try sum(sums.units, load)
        if let rest, var mass = sums.mass {
            try mass.add(contracted)
            try mass.add(rest)
            sums.mass = mass
        } else {
            sums.mass = nil
        }
        zones[zone] = sums
    }

    /// The uncovered part of each cell is the same share of its load; the one division is far below a microgram.
    private mutating func uncoveredMass(
        _ cells: [SupplyCell], uncoveredUnits: Int128, load: Int128, uncovered: UncoveredFactors
    ) throws(EmissionsError) -> CarbonMass? {
        guard uncoveredUnits != 0 else { return .zero }
        var whole = CarbonMass.zero
        var isComplete = true
        for cell in cells where cell.units != 0 {
            switch uncovered.factor(cell) {
            case .found(let match):
                try whole.add(
                    CarbonMass(
                        supplyUnits: cell.units, microgramsPerKilowattHour: match.factor.microgramsPerKilowattHour))
            case .missing(let reason):
                missing.insert(reason)
                isComplete = false
            }
        }
        guard isComplete else { return nil }
        guard uncoveredUnits != load, load > 0, whole.units >= 0 else { return whole }
        return CarbonMass(units: try halfEvenMultiplyDivide(whole.units, uncoveredUnits, by: load))
    }

    var figure: MarketBased.Figure {
        get throws(EmissionsError) {
            var total: CarbonMass? = .zero
            for sums in zones.values {
                guard let mass = sums.mass, var sum = total else {
                    total = nil
                    break
                }
                try sum.add(mass)
                total = sum
            }
            return MarketBased.Figure(
                loadUnits: load, matchedUnits: matched, mass: total,
                zones: zones.sorted { $0.key < $1.key }.map { zone, sums in
                    LocationBased.Zone(zone: zone, units: sums.units, mass: sums.mass)
                }, missing: missing.sorted())
        }
    }
}
