import ClusterSimulation
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

/// Documents of other revisions than the auditor's program makes: bundles and reports are kept for years.
@Suite struct RevisionTests {
    /// Changes the members at a path, in which `[]` stands for every element; nil takes the member away.
    private func edited(
        _ value: JSONValue, _ path: String..., change: (JSONValue?) -> JSONValue?
    ) -> JSONValue {
        edited(value, path[...], change)
    }

    private func edited(
        _ value: JSONValue, _ path: ArraySlice<String>, _ change: (JSONValue?) -> JSONValue?
    ) -> JSONValue {
        guard let name = path.first else { return change(value) ?? .null }
        if name == "[]", let elements = value.array {
            return .array(elements.map { edited($0, path.dropFirst(), change) })
        }
        guard var object = value.object else { return value }
        if path.count > 1 {
            object.set(name, edited(object[name] ?? .null, path.dropFirst(), change))
        } else if let member = change(object[name]) {
            object.set(name, member)
        } else {
            var rest = JSONObject()
            for member in object.members where member.name != name { rest.append(member.name, member.value) }
            object = rest
        }
        return .object(object)
    }

    /// What a program wrote that knew neither revisions nor the boundaries of runs, and gave a reason in other words.
    private func earlier(_ value: JSONValue) -> JSONValue {
        let unnumbered = edited(value, "method", "revision") { _ in nil }
        let withoutBoundaries = edited(unnumbered, "runs", "[]", "by_boundary") { _ in nil }
        return edited(withoutBoundaries, "compute", "by_model") { _ in nil }
    }

    private func resigned(_ files: [String: [UInt8]], _ log: SyntheticLog) throws -> [String: [UInt8]] {
        var files = files
        files[BundleManifest.path] = nil
        files[BundleManifest.path] = try BundleManifest(
            origin: log.origin, period: examplePeriod, audience: .assurer, size: log.size,
            files: files.map { BundleManifest.File(path: $0.key, bytes: $0.value) }
        ).signed(by: log.administration)
        return files
    }

    private func audit(
        _ log: inout SyntheticLog, _ change: (JSONValue) -> JSONValue
    ) async throws -> AuditReport {
        var files = try log.bundle(examplePeriod)
        let value = try JSONValue(parsing: try #require(files["disclosure.json"]))
        files["disclosure.json"] = change(value).rendered(.pretty)
        let source = BundleSource(files: try resigned(files, log))
        return try await BundleAudit(source: source, policy: log.policy, workers: 2).run()
    }

    /// Every field of the schema, those of array elements behind `[]`.
    private func fields(_ node: JSONValue, _ path: String, _ schema: JSONValue) -> Set<String> {
        var all: Set<String> = []
        if let name = node["$ref"]?.string?.split(separator: "/").last, let meant = schema["$defs"]?[String(name)] {
            all.formUnion(fields(meant, path, schema))
        }
        for form in node["anyOf"]?.array ?? [] { all.formUnion(fields(form, path, schema)) }
        if let items = node["items"] { all.formUnion(fields(items, "\(path)[]", schema)) }
        for member in node["properties"]?.object?.members ?? [] {
            let place = path.isEmpty ? member.name : "\(path).\(member.name)"
            all.insert(place)
            all.formUnion(fields(member.value, place, schema))
        }
        return all
    }

    /// A field that is added without a revision of its own has every older document refused.
    @Test func theFirstRevisionIsWhatItWas() throws {
        let schema = try JSONValue(parsing: ContractFile.bytes("disclosure.schema.json"))
        let all = fields(schema, "", schema)
        let later = all.filter { !DisclosureRevision.has(1, fieldAt: $0) }
        let first = all.filter { field in !later.contains { field == $0 || field.hasPrefix("\($0)[]") } }
        #expect(later.contains(DisclosureRevision.field) && later.contains("runs[].by_boundary"))
        let digest = MerkleHash.sha256(of: Array(first.sorted().joined(separator: "\n").utf8)).hexadecimal
        #expect(
            digest == "010c45a9cf672b1f6d0a513e05e6f4c26bee09659ac21260a7f2da86acf2993b",
            "a field of the schema is new: give it to DisclosureRevision, with a number above all that reports had")
    }

    @Test func anEarlierOneIsHeldToTheFieldsThatItHas() async throws {
        var log = try exampleLog(seed: 91)
        let report = try await audit(&log) { value in
            edited(earlier(value), "missing", "[]", "reason") { _ in "for reasons" }
        }
        #expect(report.failure == nil && report.isPartial, "\(report.text)")
        #expect(report.proved.contains { $0.hasPrefix("every figure of disclosure.json that its revision 1 has") })
        let absent = try #require(report.notCovered.first { $0.contains("of revision 1") })
        #expect(absent.contains("runs[0].by_boundary") && absent.contains("method.revision"), "\(absent)")
        #expect(report.notCovered.contains { $0.contains("missing[0].reason") }, "\(report.text)")
    }

    /// Programs had the later fields a while before they had a number for them.
    @Test func oneWithoutItsNumberAloneLacksNothing() async throws {
        func unnumbered(_ value: JSONValue) -> JSONValue { edited(value, "method", "revision") { _ in nil } }
        var log = try exampleLog(seed: 97)
        let made = Disclosure(try log.disclosureInput(examplePeriod, audience: .public)).value
        let digest = MerkleHash.sha256(of: unnumbered(made).rendered(.pretty))
        try log.report(number: 1, period: examplePeriod, audience: .public, size: log.size, sha256: digest)
        let report = try await audit(&log, unnumbered)
        #expect(report.failure == nil && !report.isPartial, "\(report.text)")
        #expect(report.proved.contains { $0.contains("digest in the log as of its revision 1") }, "\(report.text)")
    }

    @Test(arguments: ["figure", "field", "added", "later field", "layout"])
    func anEarlierOneIsRefusedForAnythingElse(_ cheat: String) async throws {
        var log = try exampleLog(seed: 92)
        let report = try await audit(&log) { value in
            let earlier = earlier(value)
            return switch cheat {
            case "figure": edited(earlier, "energy", "idle_uj") { _ in "1" }
            case "field": edited(earlier, "runs", "[]", "energy_uj") { _ in nil }
            case "added": edited(earlier, "energy", "saved_uj") { _ in "1" }
            // Who states it stands by it.
            case "later field": edited(earlier, "runs", "[]", "by_boundary") { _ in ["node-ac": "1"] }
            default: edited(value, "method", "revision") { _ in .integer(1) }
            }
        }
        let place = [
            "figure": "energy.idle_uj", "field": "runs[0].energy_uj", "added": "energy.saved_uj",
            "later field": "runs[0].by_boundary", "layout": "method.revision",
        ]
        let failure = try #require(report.failure, "\(report.text)")
        #expect(failure.failureClass == .report && failure.place == "disclosure.json", "\(failure)")
        #expect(failure.what.hasPrefix(place[cheat] ?? "-"), "\(failure)")
    }

    /// An operator who has made documents with a field cannot leave it out by calling the next one old.
    @Test func whoHasMadeLaterOnesIsNotBelievedToBeEarlier() async throws {
        var log = try exampleLog(seed: 93)
        let made = Disclosure(try log.disclosureInput(examplePeriod, audience: .public))
        let index = try log.report(
            number: 1, period: examplePeriod, audience: .public, size: log.size, sha256: made.sha256)
        let report = try await audit(&log) { earlier($0) }
        let failure = try #require(report.failure, "\(report.text)")
        #expect(failure.failureClass == .report && failure.what.contains("entry \(index) announced"), "\(failure)")
        #expect(failure.what.contains("runs[0].by_boundary"), "\(failure)")
    }

    @Test func aReportOfAnEarlierRevisionIsMadeAgain() async throws {
        var log = try exampleLog(seed: 94)
        let made = Disclosure(try log.disclosureInput(examplePeriod, audience: .public)).value
        let digest = MerkleHash.sha256(of: earlier(made).rendered(.pretty))
        try log.report(number: 1, period: examplePeriod, audience: .public, size: log.size, sha256: digest)
        let report = try await audit(&log) { $0 }
        #expect(report.failure == nil && !report.isPartial, "\(report.text)")
        #expect(report.proved.contains { $0.contains("digest in the log as of its revision 1") }, "\(report.text)")
    }

    /// Witnesses come and go; what was issued names the policy of its time, and the log knows it.
    @Test func aReportKeepsThePolicyOfItsTime() async throws {
        var log = try exampleLog(seed: 96)
        let witness = try CosigningKey(name: "witness.example", seed: Array(repeating: 4, count: 32))
        let text = "log \(log.log.verifier.text)\nwitness w \(witness.verifier.text)\nquorum w\n"
        try log.set(SettingField.logPolicy, of: nil, JSONValue.string(text).text())
        var input = try log.disclosureInput(examplePeriod, audience: .public)
        input.policy = Array(text.utf8)
        let digest = Disclosure(input).sha256
        try log.report(number: 1, period: examplePeriod, audience: .public, size: log.size, sha256: digest)
        try log.set(
            SettingField.logPolicy, of: nil, JSONValue.string(String(decoding: log.policy, as: UTF8.self)).text())
        let report = try await audit(&log) { $0 }
        #expect(report.failure == nil, "\(report.text)")
        let isProved = report.proved.contains { $0.hasPrefix("report 1 for") && $0.hasSuffix("digest in the log") }
        #expect(isProved, "\(report.text)")
    }

    /// A program that is older than the document proves what it knows, and says what it does not.
    @Test func aLaterOneIsHeldToTheFieldsThatAreKnown() async throws {
        func later(_ value: JSONValue) -> JSONValue {
            let numbered = edited(value, "method", "revision") { number in
                number?.int64.map { JSONValue.integer($0 + 1) }
            }
            return edited(numbered, "energy", "reused_uj") { _ in "7" }
        }
        var log = try exampleLog(seed: 95)
        let report = try await audit(&log, later)
        #expect(report.failure == nil && report.isPartial, "\(report.text)")
        #expect(report.notCovered.contains { $0.contains("energy.reused_uj") && $0.contains("newer wattest-audit") })
        let altered = try await audit(&log) { edited(later($0), "energy", "idle_uj") { _ in "1" } }
        #expect(altered.failure?.what.hasPrefix("energy.idle_uj") == true, "\(altered.text)")
        let less = try await audit(&log) { edited(later($0), "energy", "idle_uj") { _ in nil } }
        #expect(less.failure?.what.hasPrefix("energy.idle_uj") == true, "\(less.text)")
    }
}
