import Energy

extension FactorFile {
    /// A table of one's own: columns `zone`, `period` (`2024`, `2024-03` or `2024-03-01T05Z`), `g_per_kwh`, and
    /// optionally `estimated` and `forecast` (`true` or `false`).
    ///
    /// - Parameter period: of every row, where the table has no column `period`.
    package init(
        ownTable bytes: [UInt8], source: FactorSource, basis: FactorBasis, period stated: FactorPeriod? = nil
    ) throws(EmissionsError) {
        let table = try CSVTable(parsing: bytes, headerContains: "g_per_kwh")
        let zone = try table.column("zone")
        let period = stated == nil ? try table.column("period") : table.optionalColumn("period")
        guard stated == nil || period == nil else {
            throw EmissionsError(.conflict, "line 1: the table has a column 'period': leave the stated one out")
        }
        let value = try table.column("g_per_kwh")
        let estimated = table.optionalColumn("estimated")
        let forecast = table.optionalColumn("forecast")
        var factors: [GridFactor] = []
        for row in table.rows {
            guard !row.fields[zone].isEmpty else { throw row.error("zone is empty") }
            let text = period.map { row.fields[$0] } ?? ""
            guard let period = stated ?? FactorPeriod(parsing: text) else {
                throw row.error("period '\(text)' is none of 2024, 2024-03, 2024-03-01T05Z")
            }
            guard let figure = try row.figure(value, "g_per_kwh") else { throw row.error("g_per_kwh is empty") }
            factors.append(
                GridFactor(
                    zone: row.fields[zone], period: period,
                    microgramsPerKilowattHour: try row.micrograms(figure, .gramsPerKilowattHour),
                    published: "\(row.fields[value]) g/kWh",
                    isEstimated: try estimated.map { column throws(EmissionsError) in try row.flag(column) } ?? false,
                    isForecast: try forecast.map { column throws(EmissionsError) in try row.flag(column) } ?? false))
        }
        try self.init(source: source, basis: basis, factors: factors, columns: table.header)
    }

    /// The data portal's form of Electricity Maps: hourly, monthly or yearly, with a direct and a lifecycle column, of
    /// which `scope` picks one. The provider states that the direct one fits Scope 2.
    ///
    /// - Parameter granularity: nil reads it from the times; a yearly file of a single row needs none either.
    package init(
        electricityMapsTable bytes: [UInt8], source: FactorSource, scope: FactorBasis.Scope,
        granularity: FactorMatch.Resolution? = nil
    ) throws(EmissionsError) {
        let table = try CSVTable(parsing: bytes, headerContains: "Datetime (UTC)")
        let time = try table.column("Datetime (UTC)")
        let zone = try table.column("Zone Id")
        let value = try table.electricityMapsColumn(scope)
        let estimated = table.optionalColumn("Data Estimated")
        var times: [UTCTime] = []
        for row in table.rows {
            guard let parsed = UTCTime(civil: row.fields[time]), parsed.isWholeHour else {
                throw row.error("'\(row.fields[time])' is not a whole hour like 2024-01-01 00:00:00")
            }
            times.append(parsed)
        }
        guard let resolution = granularity ?? CSVTable.resolution(of: times) else {
            throw EmissionsError(
                .malformedTable, "line 2: daily values: use the hourly, monthly or yearly file of the same zone")
        }
        var factors: [GridFactor] = []
        var skipped: [SkippedRow] = []
        for (row, time) in zip(table.rows, times) {
            guard let figure = try row.figure(value, "carbon intensity") else {
                skipped.append(SkippedRow(line: row.line, reason: "no value"))
                continue
            }
            factors.append(
                GridFactor(
                    zone: row.fields[zone], period: FactorPeriod(time.hour, resolution),
                    microgramsPerKilowattHour: try row.micrograms(figure, .gramsPerKilowattHour),
                    published: "\(row.fields[value]) g/kWh",
                    isEstimated: try estimated.map { column throws(EmissionsError) in try row.flag(column) } ?? false))
        }
        try self.init(
            source: source, basis: FactorBasis(scope: scope), factors: factors, skipped: skipped, columns: table.header)
    }

    /// The subregion sheet of EPA eGRID as CSV: direct total output rates of CO2e in lb/MWh (`SRC2ERTA`). Zones are
    /// named `US-EGRID-` and the subregion's acronym.
    ///
    /// - Parameter year: the data year, where the table has no column `YEAR`.
    package init(eGRIDTable bytes: [UInt8], source: FactorSource, year: Int? = nil) throws(EmissionsError) {
        let table = try CSVTable(parsing: bytes, headerContains: "SUBRGN")
        let region = try table.column("SUBRGN")
        let rate = try table.column("SRC2ERTA")
        let yearColumn = table.optionalColumn("YEAR")
        var factors: [GridFactor] = []
        for row in table.rows {
            guard let year = yearColumn.flatMap({ Int(row.fields[$0]) }) ?? year else {
                throw row.error("no data year: the column YEAR is missing or no number, and no period is stated")
            }
            guard let figure = try row.figure(rate, "SRC2ERTA", grouped: true) else {
                throw row.error("SRC2ERTA is empty")
            }
            factors.append(
                GridFactor(
                    zone: "US-EGRID-\(row.fields[region])", period: .year(year),
                    microgramsPerKilowattHour: try row.micrograms(figure, .poundsPerMegawattHour),
                    published: "\(row.fields[rate]) lb/MWh"))
        }
        // Editions weigh CH4 and N2O with different assessment reports: the version says which, the sheet does not.
        try self.init(source: source, basis: FactorBasis(scope: .direct), factors: factors, columns: table.header)
    }

    /// National values of Ember, lifecycle, CC BY 4.0: its own yearly or monthly release (`Area, ISO 3 code, Year` or
    /// `Date, … Variable, Unit, Value`, of which the rows of the CO2 intensity count), its interface's answer
    /// (`entity_code, date, emissions_intensity_gco2_per_kwh`), or as Our World in Data publishes them, in the chart's
    /// form (`Entity, Code, Year, Carbon intensity of electricity …`, optionally `alpha-2`) or the energy data set's
    /// (`country, year, iso_code, carbon_intensity_elec`). Aggregates, the world among them, are skipped.
    package init(emberTable bytes: [UInt8], source: FactorSource) throws(EmissionsError) {
        let table = try CSVTable(parsing: bytes, headerContains: "Year", "Date")
        let code = try table.column("Code", "iso_code", "ISO 3 code", "Country code", "entity_code")
        let time = try table.column("Year", "Date")
        let alpha2 = table.optionalColumn("alpha-2")
        let variable = table.optionalColumn("Variable")
        let value = try table.emberColumn(isLong: variable != nil)
        var factors: [GridFactor] = []
        var skipped: [SkippedRow] = []
        for row in table.rows {
            // The release has generation, capacity and demand beside the intensity.
            if let variable, !row.fields[variable].lowercased().hasSuffix(" intensity") { continue }
            guard let zone = alpha2.map({ row.fields[$0] }) ?? CountryCode.alpha2(of: row.fields[code]) else {
                skipped.append(SkippedRow(line: row.line, reason: "not a country"))
                continue
            }
            guard let period = FactorPeriod(ember: row.fields[time]) else {
                throw row.error("'\(row.fields[time])' is no year and no first day of a month")
            }
            guard let figure = try row.figure(value, "carbon intensity") else {
                skipped.append(SkippedRow(line: row.line, reason: "no value"))
                continue
            }
            factors.append(
                GridFactor(
                    zone: zone, period: period,
                    microgramsPerKilowattHour: try row.micrograms(figure, .gramsPerKilowattHour),
                    published: "\(row.fields[value]) g/kWh"))
        }
        try self.init(
            source: source, basis: FactorBasis(scope: .lifecycle), factors: factors, skipped: skipped,
            columns: table.header)
    }
}

extension FactorPeriod {
    /// `2024`, or `2024-03-01` for a month.
    fileprivate init?(ember text: String) {
        self.init(parsing: text.utf8.count == 10 && text.hasSuffix("-01") ? String(text.dropLast(3)) : text)
        if case .hour = self { return nil }
    }
}

extension FactorPeriod {
    fileprivate init(_ hour: Int64, _ resolution: FactorMatch.Resolution) {
        let date = CivilDate(hour: hour)
        switch resolution {
        case .hour: self = .hour(hour)
        case .month: self = .month(year: date.year, month: date.month)
        case .year: self = .year(date.year)
        }
    }
}

extension CSVTable {
    /// - Parameter isLong: one variable a row, as Ember's own release has it.
    fileprivate func emberColumn(isLong: Bool) throws(EmissionsError) -> Int {
        if isLong { return try column("Value") }
        let title = header.firstIndex { $0.hasPrefix("Carbon intensity of electricity") }
        if let title { return title }
        return try column("carbon_intensity_elec", "emissions_intensity_gco2_per_kwh")
    }

    /// Titles changed over the versions: `Carbon Intensity gCO₂eq/kWh (LCA)`, `Carbon intensity gCO₂eq/kWh (Life
    /// cycle)`.
    fileprivate func electricityMapsColumn(_ scope: FactorBasis.Scope) throws(EmissionsError) -> Int {
        switch scope {
        case .direct: return try column("Carbon intensity gCO₂eq/kWh (direct)")
        case .lifecycle:
            return try column("Carbon intensity gCO₂eq/kWh (Life cycle)", "Carbon intensity gCO₂eq/kWh (LCA)")
        case .unknown:
            throw EmissionsError(.missingInput, "the table has a direct and a lifecycle column: say which one")
        }
    }

    /// Yearly when every time begins a year, monthly when every time begins a month, nil for days.
    fileprivate static func resolution(of times: [UTCTime]) -> FactorMatch.Resolution? {
        let dates = times.map { CivilDate(hour: $0.hour) }
        guard zip(times, dates).allSatisfy({ $0.hour == $1.firstHour }) else { return .hour }
        guard dates.allSatisfy({ $0.day == 1 }) else { return nil }
        return dates.allSatisfy { $0.month == 1 } ? .year : .month
    }
}

extension CSVTable.Row {
    fileprivate func micrograms(_ value: DecimalFigure, _ unit: FactorUnit) throws(EmissionsError) -> Int64 {
        do {
            return try unit.microgramsPerKilowattHour(value)
        } catch {
            throw self.error(error.message)
        }
    }

    fileprivate func flag(_ column: Int) throws(EmissionsError) -> Bool {
        switch fields[column].lowercased() {
        case "true", "1", "yes": return true
        case "false", "0", "no", "": return false
        default: throw error("'\(fields[column])' is neither true nor false")
        }
    }
}
