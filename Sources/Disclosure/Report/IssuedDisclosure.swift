import Emissions
package import Energy
package import JSONText
package import TransparencyLog

/// A disclosure as it was issued: numbered, dated and signed around a body that anybody can recompute.
package struct IssuedDisclosure: Sendable {
    package static let payloadType = "application/vnd.wattest.disclosure.v1+json"

    package var number: Int64
    package var issuedAt: UTCTime
    package var supersedes: Int64?
    package var reason: String?
    /// What changed against the superseded one, in words.
    package var effect: String?
    package var disclosure: Disclosure

    package init(
        number: Int64, issuedAt: UTCTime, supersedes: Int64? = nil, reason: String? = nil, effect: String? = nil,
        disclosure: Disclosure
    ) {
        self.number = number
        self.issuedAt = issuedAt
        self.supersedes = supersedes
        self.reason = reason
        self.effect = effect
        self.disclosure = disclosure
    }

    /// The wrapper with a DSSE signature of each key over the body's bytes.
    package func json(signedBy keys: [SigningKey]) throws(TransparencyLogError) -> JSONValue {
        let envelope = try DSSEEnvelope(
            payloadType: Self.payloadType, payload: disclosure.bytes, signedBy: keys)
        var object = JSONObject()
        object.append("number", .integer(number))
        object.append("issued_at", .string(TimeText.rfc3339(issuedAt)))
        if let supersedes { object.append("supersedes", .integer(supersedes)) }
        if let reason { object.append("reason", .string(reason)) }
        if let effect { object.append("effect", .string(effect)) }
        object.append("disclosure", disclosure.value)
        object.append(
            "signatures",
            .array(
                envelope.signatures.map { ["keyid": .string($0.keyID), "sig": .string(Base64.encode($0.value))] }))
        return .object(object)
    }

    /// How this body differs from an earlier one of the same period: `it_uj` before, after, and in percent, then every
    /// other total that is not what it was.
    package static func effect(of disclosure: Disclosure, against earlier: JSONValue) -> String? {
        let report = disclosure.outline
        guard let before = HTMLText.microjoules(earlier["energy"]?["it_uj"]),
            let after = HTMLText.microjoules(report["energy"]?["it_uj"])
        else { return nil }
        var parts = ["it_uj from \(before) to \(after)"]
        if before > 0, let percent = Figure.text((after - before) * 100, before, decimals: 4) {
            parts[0] += ", \(percent) %"
        }
        let method = earlier["method"]?["version"]?.string
        if let now = report["method"]?["version"]?.string, now != method {
            parts.append("method from \(method ?? "none") to \(now)")
        }
        for (section, member) in totals {
            let name = section == "energy" ? member : "\(section).\(member)"
            let (old, new) = (earlier[section]?[member]?.number?.text, report[section]?[member]?.number?.text)
            guard old != new else { continue }
            let change = percent(from: old, to: new).map { ", \($0) %" } ?? ""
            parts.append("\(name) from \(old ?? "none") to \(new ?? "none")\(change)")
        }
        return parts.joined(separator: "; ")
    }

    /// The reason of a restatement: what was stated, and that the method is another one where it is.
    ///
    /// - Parameter earlier: the body that is superseded.
    /// - Returns: nil when there is none.
    package static func reason(
        _ stated: String?, for method: CalculationMethod, superseding earlier: JSONValue
    ) -> String? {
        let parts = [stated, method.replaces(earlier["method"]?["version"]?.string)].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private static let totals = [
        ("energy", "facility_mwh"), ("emissions", "location_t"), ("emissions", "market_t"),
        ("water", "cubic_metres"), ("embodied", "kg"),
    ]

    /// Of figures as they are printed; nil where one is missing or nothing was there before.
    private static func percent(from old: String?, to new: String?) -> String? {
        guard let old, let new, let before = try? DecimalFigure(parsing: old).ratio,
            let after = try? DecimalFigure(parsing: new).ratio, before > .zero,
            let change = try? (after - before) / before * ExactRatio(100)
        else { return nil }
        return try? change.rounded(decimals: 4).text
    }
}
