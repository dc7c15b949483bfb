import JSONText
import Testing

@testable import Disclosure

/// What can be set at the door, and what no report could use.
@Suite struct SettingFormTests {
    private static let instrument =
        "\"kind\":\"go\",\"market\":\"DE\",\"start\":\"2026-01-01T00:00Z\",\"end\":\"2027-01-01T00:00Z\""

    private static let digest = String(repeating: "0a", count: 32)

    @Test(arguments: [
        (SettingField.sitePUE, "1.12"), (SettingField.sitePUE, "\"1.12\""),
        (SettingField.sitePUE, "{\"value\":1.12,\"category\":\"2\",\"source\":\"metered\"}"),
        (SettingField.siteWater, "0.4"), (SettingField.siteWater, "{\"on_site\":0,\"off_site\":3.1,\"source\":\"x\"}"),
        (
            SettingField.siteEmbodied,
            "{\"kg_per_server\":1500,\"kg_per_device\":150,\"devices\":8,\"lifetime_years\":4}"
        ),
        (SettingField.nodeEmbodied, "{\"kg_per_server\":\"1500\",\"lifetime_years\":\"4.5\",\"utilisation\":0.9}"),
        (SettingField.nodeAccelerators, "{\"model\":\"H100\",\"count\":8}"), (SettingField.nodeNameplate, "1"),
        (SettingField.nodeNameplate, "{\"watts\":10200,\"source\":\"maker\"}"),
        (SettingField.meterClass, "{\"relative_limit\":0.01}"), (SettingField.meterClass, "\"0.01\""),
        (SettingField.siteZone, "\"DK-DK1\""), (SettingField.jobClass, "\"final\""),
        (SettingField.organizationName, "\"Acme & Söhne <AI>\""), (SettingField.methodText, "\"One.\\nTwo.\""),
        (SettingField.legalEntityIdentifier, "\"5493001KJTIIGC8Y1R12\""),
        (
            SettingField.siteMeter,
            "{\"site\":\"a\",\"start\":\"2026-01-01T00:00Z\",\"end\":\"2026-02-01T00:00Z\",\"mwh\":1}"
        ),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"retired_for\":\"A\"}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"document_sha256\":\"\"}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"document_sha256\":\"\(digest)\"}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"certificate_ids\":[\"1\"]}"),
        (SettingField.modelCompute, "{\"parameters\":\"7e9\",\"tokens\":\"2e12\"}"),
        (SettingField.modelCompute, "{\"flop\":\"3.1e23\"}"), (SettingField.modelInference, "{\"flop\":\"1e12\"}"),
        ("of.another.name", "-1"), ("node.home", "\"log.example/x\""),
    ]) func whatReportsCanRead(_ field: String, _ value: String) throws {
        let fault = SettingForm.fault(of: try JSONValue(parsing: Array(value.utf8)), in: field)
        #expect(fault == nil, "\(field) \(value): \(fault ?? "")")
    }

    @Test(arguments: [
        (SettingField.sitePUE, "-1.2"), (SettingField.sitePUE, "0.3"), (SettingField.sitePUE, "11"),
        (SettingField.sitePUE, "1.23456"), (SettingField.sitePUE, "\"much\""), (SettingField.sitePUE, "null"),
        (SettingField.sitePUE, "{\"value\":1.2,\"category\":\"9\"}"),
        (SettingField.sitePUE, "{\"source\":\"metered\"}"),
        (SettingField.sitePUE, "1e400"), (SettingField.siteWater, "-1"), (SettingField.siteWater, "1001"),
        (SettingField.siteWater, "{\"on_site\":1,\"off_site\":-3}"), (SettingField.siteWater, "{\"off_site\":3}"),
        (SettingField.siteEmbodied, "{\"kg_per_server\":1500,\"lifetime_years\":0}"),
        (SettingField.siteEmbodied, "{\"kg_per_server\":-1,\"lifetime_years\":4}"),
        (SettingField.siteEmbodied, "{\"kg_per_server\":1,\"lifetime_years\":4,\"utilisation\":2}"),
        (SettingField.siteEmbodied, "{\"kg_per_device\":1,\"lifetime_years\":4,\"devices\":-8}"),
        (SettingField.nodeEmbodied, "{\"lifetime_years\":4}"), (SettingField.nodeEmbodied, "4"),
        (SettingField.nodeAccelerators, "{\"model\":\"H100\",\"count\":-1}"),
        (SettingField.nodeAccelerators, "{\"count\":8}"), (SettingField.nodeNameplate, "0"),
        (SettingField.nodeNameplate, "{\"watts\":-5}"), (SettingField.meterClass, "{\"relative_limit\":1}"),
        (SettingField.siteZone, "\"\""), (SettingField.siteZone, "7"), (SettingField.siteZone, "\"D\\u0000E\""),
        (SettingField.organizationName, "\"A\\nB\""), (SettingField.legalEntityIdentifier, "\"5493001\""),
        (
            SettingField.siteMeter,
            "{\"site\":\"a\",\"start\":\"2026-02-01T00:00Z\",\"end\":\"2026-01-01T00:00Z\",\"mwh\":1}"
        ),
        (SettingField.instrument, "{\(instrument),\"mwh\":-5,\"g_per_kwh\":0}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":5001}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"document_sha256\":\"zz\"}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"retired_for\":\"\"}"),
        (SettingField.instrument, "{\(instrument),\"mwh\":5,\"g_per_kwh\":0,\"certificate_ids\":[\"\"]}"),
        (SettingField.modelCompute, "{\"parameters\":\"7e9\"}"), (SettingField.modelCompute, "{\"flop\":0}"),
        (SettingField.modelInference, "{\"task\":\"x\"}"), (SettingField.factorSet, "[]"),
        (SettingField.factorSet, "[{\"sha256\":\"zz\"}]"),
    ]) func whatNoReportCouldUse(_ field: String, _ value: String) throws {
        let fault = try #require(
            SettingForm.fault(of: try JSONValue(parsing: Array(value.utf8)), in: field), "\(field) \(value)")
        #expect(fault.hasPrefix("\(field) is ") && !fault.contains("\n"), "\(fault)")
    }

    /// Set of nobody, or of somebody where it is everybody's, it would stand in the log and be read by nothing.
    @Test func everyFieldHasTheSubjectThatItIsReadBy() {
        let everybodys = [
            SettingField.legalEntityIdentifier, SettingField.organizationName, SettingField.methodText,
            SettingField.factorSet, SettingField.residualMix, SettingField.accountMap,
        ]
        let either = [SettingField.nodeAccelerators, SettingField.nodeNameplate]
        for field in SettingField.known {
            let bare = SettingForm.fault(ofSubject: nil, in: field)
            let named = SettingForm.fault(ofSubject: "x", in: field)
            #expect((bare == nil) == (everybodys + either).contains(field), "\(field)")
            #expect((named == nil) == !everybodys.contains(field), "\(field)")
        }
        let fault = SettingForm.fault(ofSubject: nil, in: SettingField.sitePUE)
        #expect(fault == "site.pue is of a site, which has to be named")
        #expect(SettingForm.fault(ofSubject: nil, in: "of.another.name") == nil)
    }

    @Test func longTextsAndUnknownBoundariesAreRefused() {
        let long = String(repeating: "x", count: 65)
        #expect(SettingForm.fault(of: .string(long), in: SettingField.siteZone) != nil)
        let limit: JSONValue = ["relative_limit": "0.01"]
        #expect(SettingForm.fault(of: limit, in: SettingField.meterClass, subject: "roof") != nil)
        #expect(SettingForm.fault(of: limit, in: SettingField.meterClass, subject: "node-ac") == nil)
    }

    /// Every field that reports read has a form, so that a new one is not forgotten. Maps of accounts have their own.
    @Test(arguments: SettingField.known.filter { $0 != SettingField.accountMap }) func everyFieldHasAForm(
        _ field: String
    ) {
        #expect(SettingForm.fault(of: [:], in: field) != nil)
    }

    /// Whoever sets a field looks up there what it holds.
    @Test(arguments: SettingField.known) func everyFieldStandsInTheGrammar(_ field: String) throws {
        let page = String(decoding: try ContractFile.bytes("batch.md"), as: UTF8.self)
        #expect(page.contains("| `\(field)` |"))
    }
}
