import Disclosure
import Energy
import HTTPEdge
import Hummingbird
import JSONText

/// What was ever set, in the order of the log.
extension Routes {
    func addSettings(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/settings") { request, context in
            let runtime = try await organization(request, context)
            let query = request.uri.queryParameters
            let field = query["field"].map(String.init)
            let subject = query["subject"].map(String.init)
            let settings = try await AccountsReader(runtime).read().accounts.settings
            let now = aggregator.clock.now()
            let items = settings.all
                .filter { (field ?? $0.field) == $0.field && (subject == nil || subject == $0.subject) }
                .map { setting in
                    setting.json(
                        stands: settings.setting(setting.field, of: setting.subject, at: now)?.index == setting.index)
                }
            return Self.json(["items": .array(items), "next": .null])
        }
    }
}

extension SettingRegister.Setting {
    /// - Parameter stands: reports of this moment read it; an earlier or a bounded one may stand for other times.
    fileprivate func json(stands: Bool) -> JSONValue {
        [
            "index": .decimalString(index), "time": .string(TimeText.rfc3339(time)), "field": .string(field),
            "subject": subject.map { .string($0) } ?? .null, "value": json ?? .null,
            "effective_from": effectiveFrom.map { .string(TimeText.rfc3339($0)) } ?? .null,
            "effective_until": effectiveUntil.map { .string(TimeText.rfc3339($0)) } ?? .null,
            "by": .string(by), "reason": reason.map { .string($0) } ?? .null, "stands": .bool(stands),
        ]
    }
}
