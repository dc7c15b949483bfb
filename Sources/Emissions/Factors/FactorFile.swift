import Energy

/// The factors of one file or answer, with what they count and where they come from.
package struct FactorFile: Sendable, Hashable {
    package var source: FactorSource
    package var basis: FactorBasis
    package var factors: [GridFactor]
    /// Rows that were passed over for a reason that is no fault: aggregates such as the world, hours without a value.
    package var skipped: [SkippedRow]
    /// The header of the table that they were read from; empty where there was none.
    package let columns: [String]

    package struct SkippedRow: Sendable, Hashable {
        package let line: Int
        package let reason: String
    }

    /// - Throws: `conflict` when two factors are for one zone and period.
    package init(
        source: FactorSource, basis: FactorBasis, factors: [GridFactor], skipped: [SkippedRow] = [],
        columns: [String] = []
    ) throws(EmissionsError) {
        var seen: Set<FactorKey> = []
        for factor in factors where !seen.insert(FactorKey(zone: factor.zone, period: factor.period)).inserted {
            let name = source.dataset.isEmpty ? source.provider : source.dataset
            throw EmissionsError(
                .conflict, "\(name): two factors for zone \(factor.zone), \(factor.period.text): keep one of them")
        }
        self.source = source
        self.basis = basis
        self.factors = factors
        self.skipped = skipped
        self.columns = columns
    }

    /// Takes a table that nothing rests on yet. One that is in a log is read as it always was, by the first of two
    /// columns, and what rests on it stays what it is.
    ///
    /// - Throws: `malformedTable` when the header has a name twice: which column is meant nobody can tell.
    package func checkColumns() throws(EmissionsError) {
        for (index, name) in columns.enumerated() where !name.isEmpty {
            guard columns[..<index].contains(where: { CSVTable.isSame($0, name) }) else { continue }
            throw EmissionsError(.malformedTable, "two columns '\(name)': keep the one that is meant")
        }
    }
}

struct FactorKey: Sendable, Hashable {
    var zone: String
    var period: FactorPeriod
}

extension FactorPeriod {
    /// `2024`, `2024-03`, `2024-03-01T05Z`.
    package var text: String {
        switch self {
        case .year(let year): return padded(year, 4)
        case .month(let year, let month): return "\(padded(year, 4))-\(padded(month, 2))"
        case .hour(let hour):
            let date = CivilDate(hour: hour)
            let inDay = Int(hour - date.firstHour)
            return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T\(padded(inDay, 2))Z"
        }
    }

    private func padded(_ value: Int, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// Parses what `text` renders, and a full time on the hour.
    package init?(parsing text: some StringProtocol) {
        let bytes = Array(text.utf8)
        switch bytes.count {
        case 4:
            guard bytes.allSatisfy({ decimalDigit($0) != nil }), let year = Int(text), year > 0 else { return nil }
            self = .year(year)
        case 7:
            guard let time = CivilDate(monthText: text) else { return nil }
            self = .month(year: time.year, month: time.month)
        case 11...:
            guard let time = UTCTime(civil: text), time.isWholeHour else { return nil }
            self = .hour(time.hour)
        default: return nil
        }
    }
}

extension CivilDate {
    fileprivate init?(monthText text: some StringProtocol) {
        guard let time = UTCTime(civil: "\(text)-01") else { return nil }
        self.init(hour: time.hour)
    }
}
