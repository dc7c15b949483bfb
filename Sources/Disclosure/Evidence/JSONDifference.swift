import JSONText

/// One place at which two JSON values differ.
struct JSONDifference: Sendable, Hashable {
    var path: String
    /// Nil for a member that only the stated one has.
    var computed: String?
    /// Nil for a member that only the computed one has.
    var stated: String?

    /// Every place at which they differ: members that one of them lacks, and the outermost place where the shapes do.
    static func all(computed: JSONValue, stated: JSONValue, path: String = "") -> [JSONDifference] {
        if computed == stated { return [] }
        switch (computed, stated) {
        case (.object(let left), .object(let right)):
            func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
            let known = left.members.flatMap { member in
                guard let other = right[member.name] else {
                    return [JSONDifference(path: place(member.name), computed: short(member.value), stated: nil)]
                }
                return all(computed: member.value, stated: other, path: place(member.name))
            }
            let added = right.members.filter { left[$0.name] == nil }
            return known
                + added.map { JSONDifference(path: place($0.name), computed: nil, stated: short($0.value)) }
        case (.array(let left), .array(let right)) where left.count == right.count:
            return left.indices.flatMap {
                all(computed: left[$0], stated: right[$0], path: "\(path)[\($0)]")
            }
        case (.array(let left), .array(let right)):
            return [JSONDifference(path: path, computed: "\(left.count) elements", stated: "\(right.count)")]
        default: return [JSONDifference(path: path, computed: short(computed), stated: short(stated))]
        }
    }

    private static func short(_ value: JSONValue) -> String {
        let text = value.text()
        return text.count > 120 ? text.prefix(120) + "…" : text
    }
}
