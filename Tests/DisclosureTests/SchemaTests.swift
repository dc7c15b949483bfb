import ClusterSimulation
import Disclosure
import Energy
import JSONSchemaCheck
import JSONText
import Testing
import TransparencyLog

/// Files of the repository that tell others what to expect.
enum ContractFile {
    static func bytes(_ path: String) throws -> [UInt8] {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return try RepositoryFile.read("/\(root)/proto/\(path)")
    }

    /// A file below Tests.
    static func test(_ path: String) throws -> [UInt8] {
        let root = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return try RepositoryFile.read("/\(root)/\(path)")
    }
}

@Suite struct SchemaTests {
    @Test(arguments: Audience.allCases) func everyDisclosureFitsTheSchema(audience: Audience) throws {
        let schema = try JSONValue(parsing: ContractFile.bytes("disclosure.schema.json"))
        var log = try exampleLog(seed: 71)
        try log.set(SettingField.legalEntityIdentifier, of: nil, "\"5493001KJTIIGC8Y1R12\"")
        try log.set(SettingField.siteZone, of: "north", "\"DE\"")
        try log.set(SettingField.sitePUE, of: "north", "1.2")
        try log.report(number: 1, period: examplePeriod, size: 3, sha256: .leaf(of: [1]))
        let value = Disclosure(try log.disclosureInput(examplePeriod, audience: audience)).value
        #expect(JSONSchemaCheck.faults(of: value, by: schema) == [])
        let empty = UTCInterval(start: UTCTime(hour: 1), end: UTCTime(hour: 2))
        let nothing = Disclosure(try log.disclosureInput(empty, audience: audience)).value
        #expect(JSONSchemaCheck.faults(of: nothing, by: schema) == [])
    }

    /// A null is a promise that the report says why.
    @Test func everyNullFigureHasAReason() throws {
        let value = Disclosure(try exampleLog(seed: 72).disclosureInput(examplePeriod)).value
        let reasons = Set((value["missing"]?.array ?? []).compactMap { $0["field"]?.string })
        for name in ["water", "embodied", "pue"] where value[name]?.isNull == true { #expect(reasons.contains(name)) }
        for section in ["energy", "emissions", "coverage"] {
            for member in value[section]?.object?.members ?? [] where member.value.isNull {
                let field = "\(section).\(member.name)"
                #expect(
                    reasons.contains(field) || reasons.contains(section) || field == "emissions.basis", "\(field)")
            }
        }
    }
}
