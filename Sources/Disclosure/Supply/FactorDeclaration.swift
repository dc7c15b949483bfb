package import Emissions
import Energy
package import JSONText

/// A factor file with what its importer says of it, before it is declared in the log.
package enum FactorDeclaration {
    /// Members that a declaration may have; `sha256` is added to them.
    package static let members = [
        "format", "provider", "dataset", "version", "licence", "citation", "scope", "signal", "gases",
        "warming_potentials", "retrieved_at", "period", "granularity",
    ]
    /// Without them a reader could not find the file, or may not use it.
    package static let required = ["provider", "version", "licence"]

    /// A tenth of what a setting holds, which lists several files.
    private static let maximumZonesBytes = 4000

    /// Reads the file as a report will.
    ///
    /// - Returns: one object of the list that `factor.set` holds, and what the file has.
    /// - Throws: what is wrong with the declaration or the table, with the place.
    package static func checked(
        _ declaration: JSONValue, sha256: String, bytes: [UInt8]
    ) throws(EmissionsError) -> (value: JSONValue, file: FactorFile) {
        for name in declaration.object?.names ?? [] where !members.contains(name) {
            throw EmissionsError(.malformedTable, "'\(name)' is no member of a factor declaration")
        }
        for name in required where (declaration[name]?.string ?? "").isEmpty {
            throw EmissionsError(.missingInput, "\(name) of the factor file is missing")
        }
        if let retrieved = declaration["retrieved_at"], retrieved.string.flatMap({ UTCTime(civil: $0) }) == nil {
            throw EmissionsError(.malformedTable, "retrieved_at: a time in UTC like 2026-10-01T05:00Z")
        }
        var value = JSONObject()
        value.append("sha256", .string(sha256))
        for member in declaration.object?.members ?? [] { value.append(member.name, member.value) }
        let file = try FactorTable(.object(value)).file(bytes)
        try file.checkColumns()
        _ = try FactorSet(files: [file])
        guard !file.factors.isEmpty else {
            throw EmissionsError(
                .missingInput, "the table has no factor: is it of this format, and not its header alone?")
        }
        if let stated = declaration["period"]?.string.flatMap({ FactorPeriod(parsing: $0) }),
            let other = file.factors.first(where: { $0.period != stated })
        {
            throw EmissionsError(
                .conflict, "the table is of \(other.period.text), not of \(stated.text): leave the stated period out")
        }
        if let scope = declaration["scope"]?.string, scope != file.basis.scope.rawValue {
            throw EmissionsError(
                .conflict,
                "this format has \(file.basis.scope.rawValue) factors, not \(scope) ones: leave the scope out")
        }
        // Some formats have one kind: who lists the tables sees it without reading them.
        if declaration["scope"] == nil { value.append("scope", .string(file.basis.scope.rawValue)) }
        // Should the file be lost one day, it is known what rests on it.
        let zones = Set(file.factors.map(\.zone)).sorted()
        if zones.reduce(0, { $0 + $1.utf8.count + 3 }) <= maximumZonesBytes {
            value.append("zones", .array(zones.map { .string($0) }))
        }
        return (.object(value), file)
    }
}

extension SettingRegister {
    /// SHA-256, in hex, of every factor file that any setting of the log ever named.
    package var factorFiles: Set<String> {
        var names: Set<String> = []
        for field in [SettingField.factorSet, SettingField.residualMix] {
            for setting in every(field) {
                names.formUnion((setting.json?.array ?? []).compactMap { $0["sha256"]?.string })
            }
        }
        return names
    }
}
