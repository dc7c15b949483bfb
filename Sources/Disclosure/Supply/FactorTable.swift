package import Emissions
import Energy
import JSONText
import TransparencyLog

/// One factor file as a `set` entry declares it: what the file is, and whose. The bytes lie outside the log, under
/// their SHA-256.
struct FactorTable {
    enum Format: String, CaseIterable {
        case own = "wattest"
        case electricityMaps = "electricity-maps"
        case eGRID = "egrid"
        case ember
    }

    let sha256: String
    private let format: Format
    private let source: FactorSource
    private let basis: FactorBasis
    /// Of every row, where the table does not say.
    private let period: FactorPeriod?
    private let granularity: FactorMatch.Resolution?

    /// Reads one object of the setting's list.
    init(_ value: JSONValue) throws(EmissionsError) {
        func text(_ name: String) -> String { value[name]?.string ?? "" }
        func word<Word: RawRepresentable>(_ name: String, or standard: Word) throws(EmissionsError) -> Word
        where Word.RawValue == String {
            guard let text = value[name]?.string else { return standard }
            guard let word = Word(rawValue: text) else {
                throw EmissionsError(.malformedTable, "\(SettingField.factorSet): '\(text)' is no \(name)")
            }
            return word
        }
        sha256 = text("sha256")
        guard Hexadecimal.decode(sha256)?.count == 32 else {
            throw EmissionsError(.malformedTable, "\(SettingField.factorSet): each file has its sha256 in hex")
        }
        format = try word("format", or: .own)
        source = FactorSource(
            provider: text("provider"), dataset: text("dataset"), version: text("version"), licence: text("licence"),
            citation: text("citation"), fileSHA256: sha256,
            retrievedAt: value["retrieved_at"]?.string.flatMap { UTCTime(civil: $0) })
        basis = FactorBasis(
            scope: try word("scope", or: .unknown), signal: try word("signal", or: .average),
            gases: try word("gases", or: .carbonDioxideEquivalent),
            warmingPotentials: try word("warming_potentials", or: .notStated))
        period = value["period"]?.string.flatMap { FactorPeriod(parsing: $0) }
        guard (value["period"] == nil) == (period == nil) else {
            throw EmissionsError(.malformedTable, "period: a year like 2024 or a month like 2024-03")
        }
        granularity = try value["granularity"].map { value throws(EmissionsError) in
            guard let granularity = value.string.flatMap({ FactorMatch.Resolution(rawValue: $0) }) else {
                throw EmissionsError(.malformedTable, "granularity: one of hour, month, year")
            }
            return granularity
        }
    }

    func file(_ bytes: [UInt8]) throws(EmissionsError) -> FactorFile {
        guard granularity == nil || format == .electricityMaps else {
            throw EmissionsError(.conflict, "granularity: only tables of Electricity Maps leave it open")
        }
        guard period == nil || format == .own || format == .eGRID else {
            throw EmissionsError(.conflict, "a table of this format tells its periods: leave the stated one out")
        }
        var file: FactorFile
        switch format {
        case .own: file = try FactorFile(ownTable: bytes, source: source, basis: basis, period: period)
        case .electricityMaps:
            file = try FactorFile(
                electricityMapsTable: bytes, source: source, scope: basis.scope, granularity: granularity)
        case .eGRID: file = try FactorFile(eGRIDTable: bytes, source: source, year: try year)
        case .ember: file = try FactorFile(emberTable: bytes, source: source)
        }
        // The format fixes what the table counts; how gases are weighed none of them says.
        file.basis.gases = basis.gases
        file.basis.warmingPotentials = basis.warmingPotentials
        file.basis.signal = basis.signal
        return file
    }

    /// What is declared of a table in a few words: provider, data set, version, hash.
    static func name(of declaration: JSONValue) -> String {
        let words = ["provider", "dataset", "version"].compactMap { declaration[$0]?.string }.filter { !$0.isEmpty }
        return "the table \(words.joined(separator: " ")) (\(declaration["sha256"]?.string ?? "without a hash"))"
    }

    private var year: Int? {
        get throws(EmissionsError) {
            guard let period else { return nil }
            guard case .year(let year) = period else {
                throw EmissionsError(.conflict, "the table has yearly factors: state a year")
            }
            return year
        }
    }
}

extension FactorSet {
    /// The files that a setting lists, in order of preference. One that is lost or cannot be read takes away what may
    /// rest on it, and nothing else.
    ///
    /// - Throws: `malformedTable` where the setting is no list of files.
    static func listed(
        _ value: JSONValue, files: [String: [UInt8]]
    ) throws(EmissionsError) -> FactorSet {
        guard let list = value.array, !list.isEmpty else {
            throw EmissionsError(.malformedTable, "\(SettingField.factorSet): a list of files is expected")
        }
        var factors: [FactorFile] = []
        var unread: [UnreadTable] = []
        for item in list {
            do {
                factors.append(try file(item, files))
            } catch {
                // Of a marginal signal nothing may be used, so nothing rests on it.
                let zones = error.code == .marginalSignal ? [] : item["zones"]?.array?.compactMap(\.string)
                unread.append(
                    UnreadTable(
                        name: FactorTable.name(of: item), reason: error.message, position: factors.count,
                        zones: zones.map { Set($0) }))
            }
        }
        return try FactorSet(files: factors, unread: unread)
    }

    private static func file(
        _ declaration: JSONValue, _ files: [String: [UInt8]]
    ) throws(EmissionsError) -> FactorFile {
        let table = try FactorTable(declaration)
        guard let bytes = files[table.sha256] else {
            throw EmissionsError(.missingInput, "the file is not at hand, or is damaged")
        }
        let file = try table.file(bytes)
        // Judged by itself, so that it does not take the others with it.
        _ = try FactorSet(files: [file])
        return file
    }

    /// The yearly national means that the program carries, until an organization sets its own.
    package static func standard() throws(EmissionsError) -> FactorSet {
        let sha256 = MerkleHash.sha256(of: Array(FactorFile.defaultTableText.utf8)).hexadecimal
        return try FactorSet(files: [FactorFile.defaults(sha256: sha256)])
    }
}
