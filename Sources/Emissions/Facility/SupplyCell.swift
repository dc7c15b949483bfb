/// Measured energy of one hour at one site.
package struct EnergyCell: Sendable, Hashable {
    package enum Boundary: String, Sendable, Hashable, CaseIterable {
        /// At the equipment: cooling and distribution are not in it.
        case informationTechnology = "it"
        /// At the site's meter: everything is in it.
        case facility
    }

    /// Hours since 1970, UTC.
    package var hour: Int64
    package var site: String
    package var zone: String
    /// Where certificates are deliverable: the market of a contract must be this one.
    package var market: String
    package var boundary: Boundary
    package var microjoules: Int128

    package init(
        hour: Int64, site: String, zone: String, market: String, boundary: Boundary, microjoules: Int128
    ) {
        self.hour = hour
        self.site = site
        self.zone = zone
        self.market = market
        self.boundary = boundary
        self.microjoules = microjoules
    }
}

/// Energy drawn from the grid in one hour and zone, in ten-thousandths of a microjoule: PUE is applied and exact.
package struct SupplyCell: Sendable, Hashable {
    package var hour: Int64
    package var zone: String
    package var market: String
    package var units: Int128

    package static let unitsPerMicrojoule: Int128 = 10_000

    package init(hour: Int64, zone: String, market: String, units: Int128) {
        self.hour = hour
        self.zone = zone
        self.market = market
        self.units = units
    }

    /// An amount of supply units in megawatt hours.
    package static func megawattHours(units: Int128) throws(EmissionsError) -> ExactRatio {
        try ExactRatio(units, over: unitsPerMicrojoule * Unit.microjoulesPerKilowattHour * 1000)
    }
}

/// Energy at the grid connection, by hour, zone and market.
package struct FacilitySupply: Sendable, Hashable {
    /// Sorted by hour, then zone, then market; one cell each.
    package let cells: [SupplyCell]
    /// IT energy for which no PUE is known: it is in the cells as it was measured, so the sum is no facility figure.
    package let withoutPUEMicrojoules: Int128

    package var isFacility: Bool { withoutPUEMicrojoules == 0 }

    package let units: Int128

    /// Applies the PUE of each site and hour, once, to IT energy; energy that a facility meter measured stays as it is.
    ///
    /// - Throws: `overflow`.
    package init(cells: [EnergyCell], schedules: [PUESchedule]) throws(EmissionsError) {
        let bySite = Dictionary(schedules.map { ($0.site, $0) }) { first, _ in first }
        var sums: [SupplyKey: Int128] = [:]
        var withoutPUE: Int128 = 0
        var total: Int128 = 0
        for cell in cells {
            var factor = SupplyCell.unitsPerMicrojoule
            if cell.boundary == .informationTechnology {
                if let entry = bySite[cell.site]?.entry(hour: cell.hour) {
                    factor = Int128(entry.tenThousandths)
                } else {
                    withoutPUE = try sum(withoutPUE, cell.microjoules)
                }
            }
            let (units, overflow) = cell.microjoules.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw .overflow }
            let key = SupplyKey(hour: cell.hour, zone: cell.zone, market: cell.market)
            sums[key] = try sum(sums[key] ?? 0, units)
            total = try sum(total, units)
        }
        self.cells = sums.map { SupplyCell(hour: $0.hour, zone: $0.zone, market: $0.market, units: $1) }
            .sorted { ($0.hour, $0.zone, $0.market) < ($1.hour, $1.zone, $1.market) }
        withoutPUEMicrojoules = withoutPUE
        units = total
    }
}

private struct SupplyKey: Hashable {
    var hour: Int64
    var zone: String
    var market: String
}

/// - Throws: `overflow`.
func sum(_ a: Int128, _ b: Int128) throws(EmissionsError) -> Int128 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    guard !overflow else { throw .overflow }
    return sum
}
