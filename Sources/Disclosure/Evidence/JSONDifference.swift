import JSONText

/// The first place at which two JSON values differ.
struct JSONDifference: Sendable, Hashable {
    var path: String
    var computed: String
    var stated: String

    static func first(computed: JSONValue, stated: JSONValue, path: String = "") -> JSONDifference? {
        if computed == stated { return nil }
        switch (computed, stated) {
        case (.object(let left), .object(let right)) where left.names == right.names:
            for (a, b) in zip(left.members, right.members) {
                let place = path.isEmpty ? a.name : "\(path).\(a.name)"
                if let difference = first(computed: a.value, stated: b.value, path: place) { return difference }
            }
            return nil
        case (.array(let left), .array(let right)) where left.count == right.count:
            for (index, (a, b)) in zip(left, right).enumerated() {
                if let difference = first(computed: a, stated: b, path: "\(path)[\(index)]") { return difference }
            }
            return nil
        case (.object(let left), .object(let right)):
            return JSONDifference(
                path: path, computed: "members \(left.names.joined(separator: ", "))",
                stated: right.names.joined(separator: ", "))
        case (.array(let left), .array(let right)):
            return JSONDifference(path: path, computed: "\(left.count) elements", stated: "\(right.count)")
        default: return JSONDifference(path: path, computed: short(computed), stated: short(stated))
        }
    }

    /// Every place at which they differ, the outermost where the shapes do.
    static func all(computed: JSONValue, stated: JSONValue, path: String = "") -> [JSONDifference] {
        if computed == stated { return [] }
        switch (computed, stated) {
        case (.object(let left), .object(let right)) where left.names == right.names:
            return zip(left.members, right.members).flatMap { a, b in
                all(computed: a.value, stated: b.value, path: path.isEmpty ? a.name : "\(path).\(a.name)")
            }
        case (.array(let left), .array(let right)) where left.count == right.count:
            return left.indices.flatMap {
                all(computed: left[$0], stated: right[$0], path: "\(path)[\($0)]")
            }
        default: return [JSONDifference(path: path, computed: short(computed), stated: short(stated))]
        }
    }

    private static func short(_ value: JSONValue) -> String {
        let text = value.text()
        return text.count > 120 ? text.prefix(120) + "…" : text
    }
}
