import Disclosure
import Emissions

/// The grid factor of a region for an estimate: stated in one of the usual units, or looked up by zone and year.
struct RegionFactor {
    let gramsPerKilowattHour: DecimalFigure
    /// Where it comes from; nil when it was stated.
    let origin: String?

    init(gramsPerKilowattHour: DecimalFigure, origin: String? = nil) {
        self.gramsPerKilowattHour = gramsPerKilowattHour
        self.origin = origin
    }

    /// Country codes in any case; other zones as their data set writes them.
    static func zone(_ region: String) -> String {
        CloudRegion.country(of: region) ?? (region.utf8.count == 2 ? region.uppercased() : region)
    }

    /// The mean over hours; nil when one of them has no factor.
    init?(region: String, hours: Range<Int64>, factors: FactorSet) {
        let zone = Self.zone(region)
        var sum: Int128 = 0
        var tables: Set<String> = []
        for hour in hours {
            guard let match = factors.factor(zone: zone, hour: hour).match else { return nil }
            sum += Int128(match.factor.microgramsPerKilowattHour)
            tables.insert("\(match.factor.zone), \(factors.files[match.file].source.provider)")
        }
        guard let mean = try? ExactRatio(sum, over: Int128(hours.count) * 1_000_000).rounded(decimals: 6) else {
            return nil
        }
        gramsPerKilowattHour = mean
        origin = "mean of \(hours.count) hours of \(tables.sorted().joined(separator: "; "))"
    }

    /// - Parameters:
    ///   - region: a grid zone such as `DK` or `US`, or a cloud's region such as `europe-west1`.
    ///   - year: nil takes the newest that the table has.
    init(region: String, year: Int?, factors: FactorSet) throws(CommandFailure) {
        let zone = Self.zone(region)
        let years = factors.files.flatMap(\.factors).compactMap { factor -> Int? in
            if case .year(let year) = factor.period { year } else { nil }
        }
        guard let year = year ?? years.max(), let date = CivilDate(year: year, month: 1, day: 1) else {
            throw .usage("there is no yearly factor for '\(region)'", "give --factor-g-per-kwh")
        }
        switch factors.factor(zone: zone, hour: date.firstHour) {
        case .found(let match):
            let file = factors.files[match.file]
            gramsPerKilowattHour = match.factor.gramsPerKilowattHour
            origin =
                "\(match.factor.zone) \(match.factor.period.text), \(file.source.provider), \(file.source.dataset), "
                + "\(file.basis.scope.rawValue)"
        case .missing(let reason):
            throw .usage("--region '\(region)': \(reason)", "or give --factor-g-per-kwh")
        }
    }
}
