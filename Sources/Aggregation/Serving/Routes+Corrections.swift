import Batches
import Disclosure
import Energy
import HTTPEdge
import HTTPTypes
import Hummingbird
import JSONText
import TransparencyLog

/// Corrections: energy that belongs to another account than the rule says, by a person's signed word.
extension Routes {
    func addCorrections(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/corrections") { request, context in
            let runtime = try await organization(request, context)
            let all = try await AccountsReader(runtime).read().accounts.corrections.corrections
            return Self.json(["items": .array(all.map(Self.summary)), "next": .null])
        }
        router.post("/v1/organizations/{org}/corrections") { request, context in
            let runtime = try await organization(request, context)
            let bearer = try await access(request).name
            let wanted = try await correction(try await Self.body(request), bearer, runtime)
            let made = try await Correction(runtime: runtime, clock: aggregator.clock).correct(wanted)
            return Self.json(
                [
                    "indexes": .array(made.indexes.map { .decimalString($0) }), "moves": .integer(made.moves),
                    "from_account": .string(wanted.from.name), "to_account": .string(wanted.to.name),
                    "moved_uj": .decimalString(made.microjoules),
                ], status: .created)
        }
    }

    private static func summary(_ correction: CorrectionRegister.Correction) -> JSONValue {
        let entry = correction.entry
        let moved = correction.moved.reduce(Int128(0)) { $0 + Int128($1) }
        let stated = entry.moves.reduce(Int128(0)) { $0 + Int128($1.microjoules) }
        let effect = correction.effect(in: Int64.min...Int64.max).map { account, microjoules -> JSONValue in
            ["account": .string(account), "uj": .decimalString(microjoules)]
        }
        return [
            "index": .decimalString(correction.index), "time": .string(TimeText.rfc3339(entry.time)),
            "by": .string(entry.by), "reason": .string(entry.reason),
            "refers_to": entry.refersTo.map { .string($0.base64) } ?? .null, "moves": .integer(entry.moves.count),
            "stated_uj": .decimalString(stated), "moved_uj": .decimalString(moved), "effect": .array(effect),
        ]
    }

    private func correction(
        _ body: JSONValue, _ bearer: String, _ runtime: LogRuntime
    ) async throws -> Correction.Request {
        let query = try ReportQuery(from: body["from"]?.string, to: body["to"]?.string, audience: nil)
        guard let reason = body["reason"]?.string, !reason.isEmpty, reason.utf8.count <= 500 else {
            throw Problem.badRequest("reason: 1 to 500 bytes that say why")
        }
        let token = bearer.isEmpty ? "operator" : "token \(bearer)"
        let by = body["by"]?.string.map { "\($0), \(token)" } ?? token
        guard by.utf8.count <= 256 else { throw Problem.badRequest("by: at most 200 bytes") }
        let from = try await account("from_account", body, runtime)
        let to = try await account("to_account", body, runtime)
        guard from != to else { throw Problem.badRequest("to_account: another account than from_account") }
        return Correction.Request(
            period: query.period, node: try Self.text("node", of: body, upTo: 256), from: from, to: to,
            microjoules: try Self.positive("microjoules", body), by: by, reason: reason,
            refersTo: try Self.positive("refers_to", body))
    }

    /// As a number or, as 64-bit integers are written in answers, as a text.
    static func positive(_ name: String, _ body: JSONValue) throws(Problem) -> Int64? {
        guard let value = body[name], value != .null else { return nil }
        guard let number = value.int64 ?? value.decimalString, number > 0 else {
            throw .badRequest("\(name): a whole number above 0")
        }
        return number
    }

    /// `idle`, `unattributed`, `gap`, `job/JOB`, `idle-reserved/JOB` or a job, which is named as everywhere.
    private func account(
        _ field: String, _ body: JSONValue, _ runtime: LogRuntime
    ) async throws -> CorrectEntry.Account {
        guard let text = body[field]?.string, !text.isEmpty else {
            throw Problem.badRequest("\(field): idle, unattributed, gap, idle-reserved/JOB or a job")
        }
        if let account = CorrectEntry.Account(name: text) { return account }
        if text.hasPrefix("idle-reserved/") {
            return .idleReserved(try await runtime.database.pseudonym(ofJob: String(text.dropFirst(14))))
        }
        let name = text.hasPrefix("job/") ? String(text.dropFirst(4)) : text
        return .job(try await runtime.database.pseudonym(ofJob: name))
    }
}
