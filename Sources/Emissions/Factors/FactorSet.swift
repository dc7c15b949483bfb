/// The factors of a report: files in order of preference, looked up by zone and hour.
///
/// The most precise factor wins: the zone before its country, the hour before the month before the year (the hierarchy
/// of the GHG Protocol's Scope 2 guidance), then the earlier file. A year that is not published yet is answered by the
/// latest year before it within a limit, and says so. There is no world mean: what has no factor has no emissions
/// figure.
package struct FactorSet: Sendable {
    package let files: [FactorFile]
    /// Tables that belong to the set and cannot be read. An hour whose factor could be one of theirs has none: another
    /// table's would be passed off as the one that was chosen.
    package let unread: [UnreadTable]
    /// How many years back a yearly factor may lie.
    package let maximumYearsEarlier: Int
    private var positions: [FactorKey: Position] = [:]

    private struct Position: Sendable {
        var file: Int
        var factor: Int
    }

    /// - Throws: `marginalSignal` for a file that must not enter an inventory.
    package init(
        files: [FactorFile], unread: [UnreadTable] = [], maximumYearsEarlier: Int = 3
    ) throws(EmissionsError) {
        self.files = files
        self.unread = unread
        self.maximumYearsEarlier = max(0, maximumYearsEarlier)
        for (fileIndex, file) in files.enumerated() {
            guard file.basis.signal == .average else {
                throw EmissionsError(
                    .marginalSignal,
                    "\(file.source.dataset): a marginal signal says what a decision changes, not what was emitted;"
                        + " use an average one for Scope 2")
            }
            for (factorIndex, factor) in file.factors.enumerated() {
                let key = FactorKey(zone: factor.zone, period: factor.period)
                if positions[key] == nil { positions[key] = Position(file: fileIndex, factor: factorIndex) }
            }
        }
    }

    /// The factor for one hour since 1970 in a zone, or why there is none.
    package func factor(zone: String, hour: Int64) -> FactorLookup {
        let found = known(zone: zone, hour: hour)
        let country = Self.country(of: zone)
        guard let table = unread.first(where: { $0.couldReplace(found.match, zone: zone, country: country) }) else {
            return found
        }
        return .missing("the factor of zone \(zone) may be one of \(table.name), which cannot be read")
    }

    private func known(zone: String, hour: Int64) -> FactorLookup {
        let date = CivilDate(hour: hour)
        let country = Self.country(of: zone)
        for candidate in country == zone ? [zone] : [zone, country] {
            let periods: [FactorPeriod] = [.hour(hour), .month(year: date.year, month: date.month), .year(date.year)]
            for period in periods {
                if let match = match(candidate, period, asked: zone, year: date.year) { return .found(match) }
            }
            for back in 0..<maximumYearsEarlier {
                let year = date.year - 1 - back
                if let match = match(candidate, .year(year), asked: zone, year: date.year) { return .found(match) }
            }
        }
        let span = maximumYearsEarlier == 0 ? "" : " or the \(maximumYearsEarlier) years before"
        return .missing("no factor for zone \(zone) in \(date.year)\(span): import a table that has it")
    }

    private func match(_ zone: String, _ period: FactorPeriod, asked: String, year: Int) -> FactorMatch? {
        guard let position = positions[FactorKey(zone: zone, period: period)] else { return nil }
        var yearsEarlier = 0
        if case .year(let factorYear) = period { yearsEarlier = year - factorYear }
        return FactorMatch(
            factor: files[position.file].factors[position.factor], file: position.file, isCountry: zone != asked,
            yearsEarlier: yearsEarlier)
    }

    /// What stands before the first hyphen: zones are named from the country inwards.
    static func country(of zone: String) -> String { String(zone.prefix { $0 != "-" }) }

    /// One line a file in order, for the hash that a report cites: file hash, provider, data set, version, scope.
    package var citationText: String {
        files.map { file in
            let source = file.source
            return [source.fileSHA256, source.provider, source.dataset, source.version, file.basis.scope.rawValue]
                .joined(separator: "\t") + "\n"
        }.joined()
    }
}

/// A table of a set that is lost or cannot be read.
package struct UnreadTable: Sendable, Hashable {
    /// What it is called, with its hash.
    package var name: String
    /// Why nothing can be read of it.
    package var reason: String
    /// How many readable files of the set are preferred to it.
    package var position: Int
    /// The zones that it has; nil where nobody wrote them down.
    package var zones: Set<String>?

    package init(name: String, reason: String, position: Int, zones: Set<String>?) {
        self.name = name
        self.reason = reason
        self.position = position
        self.zones = zones
    }

    /// Whether one of its factors could stand before the one that was found: of the zone itself before the country's,
    /// of the hour before longer ones, of the earlier file.
    fileprivate func couldReplace(_ match: FactorMatch?, zone: String, country: String) -> Bool {
        let (hasZone, hasCountry) = (zones?.contains(zone) ?? true, zones?.contains(country) ?? true)
        guard let match else { return hasZone || hasCountry }
        if match.isCountry, hasZone { return true }
        guard match.isCountry ? hasCountry : hasZone else { return false }
        return match.resolution != .hour || position <= match.file
    }
}

package enum FactorLookup: Sendable, Hashable {
    case found(FactorMatch)
    case missing(String)

    package var match: FactorMatch? {
        guard case .found(let match) = self else { return nil }
        return match
    }
}

/// A factor and how well it fits what was asked.
package struct FactorMatch: Sendable, Hashable {
    package let factor: GridFactor
    /// Index of its file in the set.
    package let file: Int
    /// The zone itself has none; this is its country's.
    package let isCountry: Bool
    /// Above zero when the year asked for is not published yet.
    package let yearsEarlier: Int

    package enum Resolution: String, Sendable, Hashable, CaseIterable {
        case hour, month, year
    }

    package var resolution: Resolution {
        switch factor.period {
        case .hour: .hour
        case .month: .month
        case .year: .year
        }
    }
}
