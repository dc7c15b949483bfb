import Disclosure
import Emissions
import Energy
import JSONText

/// What was fetched, as a declaration for the log and as an answer to the one who asked.
struct FactorFetchResult {
    let query: FactorQuery
    let outcome: FactorFetchRun.Outcome
    let retrievedAt: UTCTime

    var table: String { outcome.factors.tableText }
    var isEmpty: Bool { outcome.factors.factors.isEmpty }

    private var version: String {
        outcome.factors.version.map { "model \($0)" } ?? "as of \(TimeText.rfc3339(retrievedAt))"
    }

    /// The method of weighing generation belongs to ENTSO-E's figures: it publishes megawatts, not grams.
    private var citation: String {
        let first = outcome.requests.first ?? ""
        let others = outcome.requests.count > 1 ? " and \(outcome.requests.count - 1) more" : ""
        let weighing =
            query.provider == .entsoe
            ? "; weighed with \(GenerationFactors.ipccFifthAssessmentLifecycle.citation)" : ""
        return "\(query.provider.address)\(first)\(others); answers SHA-256 \(outcome.answersSHA256)\(weighing)"
    }

    func declaration(licence: String?) -> JSONValue {
        let basis = outcome.factors.basis
        return [
            "format": "wattest", "provider": .string(query.provider.title), "dataset": .string(query.provider.dataset),
            "version": .string(version), "licence": .string(licence ?? query.provider.licence),
            "citation": .string(citation), "scope": .string(basis.scope.rawValue),
            "signal": .string(basis.signal.rawValue), "gases": .string(basis.gases.rawValue),
            "warming_potentials": .string(basis.warmingPotentials.rawValue),
            "retrieved_at": .string(TimeText.rfc3339(retrievedAt)),
        ]
    }

    /// What `wattest factor import` would send of the same table.
    func body(licence: String?, reason: String?) -> JSONValue {
        var body = JSONObject()
        body.append("use", "grid")
        body.append("declaration", declaration(licence: licence))
        body.append("content", .string(table))
        if let reason { body.append("reason", .string(reason)) }
        return .object(body)
    }

    func json(_ reply: JSONValue?) -> JSONValue {
        let factors = outcome.factors
        return [
            "provider": .string(query.provider.rawValue), "zone": .string(query.zone), "area": .string(query.area),
            "scope": .string(factors.basis.scope.rawValue), "signal": .string(factors.basis.signal.rawValue),
            "hours_asked": .integer(query.hours.count), "hours": .integer(factors.factors.count),
            "hours_estimated": .integer(factors.estimatedHours),
            "hours_forecast_left_out": .integer(factors.forecastHours),
            "missing": .array(factors.missingSpans.map { .string($0) }), "version": .string(version),
            "requests": .array(outcome.requests.map { .string($0) }),
            "answers_sha256": .string(outcome.answersSHA256),
            "sha256": reply?["sha256"] ?? .null, "index": reply?["index"] ?? .null,
        ]
    }

    func text(_ reply: JSONValue?, file: String?) -> String {
        let factors = outcome.factors
        var text =
            "\(factors.factors.count) of \(query.hours.count) hours of \(query.zone) from \(query.provider.title), "
            + "\(factors.basis.scope.rawValue), \(factors.estimatedHours) estimated\n"
        let spans = factors.missingSpans
        if !spans.isEmpty {
            let more = spans.count > 5 ? " and \(spans.count - 5) more spans" : ""
            text += "missing: \(spans.prefix(5).joined(separator: ", "))\(more)\n"
        }
        if factors.forecastHours > 0 {
            text += "\(factors.forecastHours) of them have a forecast only; fetch them again when they are settled\n"
        }
        if let reply { text += "declared at log index \(FigureText.text(reply["index"]))\n" }
        if let file { text += "written to \(file); nothing is declared\n" }
        return text
    }
}

extension FactorProvider {
    /// What its factors count, where it has one kind.
    var scope: FactorBasis.Scope { self == .entsoe ? .lifecycle : .direct }
}
