import Disclosure
import Energy
import HTTPEdge
import HTTPTypes
import Hummingbird
import JSONText
import TransparencyLog

/// The closed books of an organization.
extension Routes {
    func addCloses(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/closes") { request, context in
            let runtime = try await organization(request, context)
            let closings = try await AccountsReader(runtime).read().accounts.closings.closings
            return Self.json(["items": .array(closings.filter(\.isComplete).map(Self.summary)), "next": .null])
        }
        router.post("/v1/organizations/{org}/closes") { request, context in
            let runtime = try await organization(request, context)
            let body = try await Self.body(request)
            let query = try ReportQuery(from: body["from"]?.string, to: body["to"]?.string, audience: nil)
            guard query.period.end <= aggregator.clock.now() else {
                throw Problem.badRequest("to: the period is not over; its books cannot be closed yet")
            }
            let closed = try await BookClosing(runtime: runtime, clock: aggregator.clock).close([query.period])
            guard let first = closed.first else { throw Problem.unavailable("nothing was closed; try again") }
            return Self.json(
                [
                    "from": .string(TimeText.rfc3339(first.period.start)),
                    "to": .string(TimeText.rfc3339(first.period.end)), "index": .decimalString(first.index),
                    "parts": .integer(first.parts), "size": .decimalString(first.size),
                    "it_uj": .decimalString(first.microjoules),
                ], status: .created)
        }
    }

    private static func summary(_ closing: ClosingRegister.Closing) -> JSONValue {
        [
            "from": .string(TimeText.rfc3339(closing.mark.period.start)),
            "to": .string(TimeText.rfc3339(closing.mark.period.end)), "index": .decimalString(closing.index),
            "parts": .integer(closing.parts), "size": .decimalString(closing.mark.size),
            "closed_at": .string(TimeText.rfc3339(closing.time)), "late_batches": .integer(closing.lateBatches),
            "late_corrections": .integer(closing.lateCorrections),
        ]
    }
}
