import JSONText
import TransparencyLog

/// Which fields a disclosure has. The number grows with every field that is added; none ever changes its meaning.
///
/// A document lives longer than the program that made it: an auditor's program holds each to the fields that both know.
/// Documents without a number are of the first revision.
enum DisclosureRevision {
    static let field = "method.revision"
    static let current: Int64 = 2

    /// The first revision that has a field; those of the first revision are not listed.
    private static let additions: [String: Int64] = [
        field: 2, "runs[].by_boundary": 2, "jobs[].nodes_expected_by": 2, "compute.by_model": 2,
        "emissions.instruments[].mwh_used_before": 2,
    ]

    /// Texts for people, which a later revision may word otherwise.
    private static let texts: Set<String> = [
        "method.text", "missing", "missing[].field", "missing[].reason", "limits", "limits[]", "checks[].detail",
        "jobs[].by_node[].reason", "model_documentation[].rows[].title", "model_documentation[].rows[].note",
    ]

    /// - Returns: nil for what no program writes, as a number that is spelt otherwise or the first one.
    static func stated(in disclosure: JSONValue) -> Int64? {
        guard let value = disclosure["method"]?["revision"] else { return 1 }
        return value.int64.flatMap { $0 > 1 ? $0 : nil }
    }

    static func has(_ revision: Int64, fieldAt path: String) -> Bool {
        additions[pattern(path), default: 1] <= revision
    }

    static func isText(at path: String) -> Bool { texts.contains(pattern(path)) }

    /// The value without the fields that a revision does not have.
    static func reduced(_ value: JSONValue, to revision: Int64, path: String = "") -> JSONValue {
        switch value {
        case .object(let object):
            var kept = JSONObject()
            for member in object.members {
                let place = path.isEmpty ? member.name : "\(path).\(member.name)"
                guard has(revision, fieldAt: place) else { continue }
                kept.append(member.name, reduced(member.value, to: revision, path: place))
            }
            return .object(kept)
        case .array(let elements): return .array(elements.map { reduced($0, to: revision, path: "\(path)[]") })
        default: return value
        }
    }

    static func unnumbered(_ value: JSONValue) -> JSONValue {
        guard var object = value.object, let method = object["method"]?.object else { return value }
        var rest = JSONObject()
        for member in method.members where member.name != "revision" { rest.append(member.name, member.value) }
        object.set("method", .object(rest))
        return .object(object)
    }

    /// The path without the places in arrays.
    private static func pattern(_ path: String) -> String {
        var pattern = ""
        var isInside = false
        for character in path {
            if character == "]" { isInside = false }
            if !isInside { pattern.append(character) }
            if character == "[" { isInside = true }
        }
        return pattern
    }
}

extension Disclosure {
    /// In which revision the disclosure has this digest; nil for none.
    func revision(ofDigest digest: [UInt8]) -> Int64? {
        if sha256.bytes == digest { return DisclosureRevision.current }
        func has(_ value: JSONValue) -> Bool { MerkleHash.sha256(of: value.rendered(.pretty)).bytes == digest }
        // Programs have had later fields before they had a number for them.
        if has(DisclosureRevision.unnumbered(value)) { return 1 }
        return stride(from: DisclosureRevision.current - 1, through: 1, by: -1).first { revision in
            has(DisclosureRevision.reduced(value, to: revision))
        }
    }
}
