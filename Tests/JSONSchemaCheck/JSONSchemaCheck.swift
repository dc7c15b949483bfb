package import JSONText

/// The part of JSON Schema 2020-12 that the product's own schemas use; any other keyword is a fault of the schema.
package struct JSONSchemaCheck {
    private let root: JSONValue
    package private(set) var faults: [String] = []

    init(root: JSONValue) { self.root = root }

    package static func faults(of value: JSONValue, by schema: JSONValue) -> [String] {
        faults(of: value, by: schema, within: schema)
    }

    /// - Parameter root: the document whose `$defs` references lead to, by their last part.
    package static func faults(of value: JSONValue, by schema: JSONValue, within root: JSONValue) -> [String] {
        var check = JSONSchemaCheck(root: root)
        check.check(value, schema, at: "$")
        return check.faults
    }

    private static let annotations: Set<String> = [
        "$schema", "$id", "$defs", "title", "description", "required",
        "properties", "additionalProperties", "type", "enum", "const", "pattern", "items", "minimum", "minItems",
        "maxItems", "anyOf", "$ref",
    ]

    private mutating func check(_ value: JSONValue, _ schema: JSONValue, at path: String) {
        for name in schema.object?.names ?? [] where !Self.annotations.contains(name) {
            faults.append("\(path): the schema uses \(name)")
        }
        if let reference = schema["$ref"]?.string {
            guard let target = root["$defs"]?[String(reference.split(separator: "/").last ?? "")] else {
                return faults.append("\(path): \(reference) leads nowhere")
            }
            check(value, target, at: path)
        }
        if let options = schema["anyOf"]?.array, !options.contains(where: { matches(value, $0, path) }) {
            faults.append("\(path): none of the alternatives fits")
        }
        checkType(value, schema, path)
        checkWords(value, schema, path)
        checkMembers(value, schema, path)
        if let item = schema["items"], let elements = value.array {
            for (index, element) in elements.enumerated() { check(element, item, at: "\(path)[\(index)]") }
            if let least = schema["minItems"]?.int64, elements.count < least { faults.append("\(path): too few") }
            if let most = schema["maxItems"]?.int64, elements.count > most { faults.append("\(path): too many") }
        }
    }

    private func matches(_ value: JSONValue, _ schema: JSONValue, _ path: String) -> Bool {
        var copy = JSONSchemaCheck(root: root)
        copy.check(value, schema, at: path)
        return copy.faults.isEmpty
    }

    private mutating func checkType(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        guard let type = schema["type"] else { return }
        let names = type.array?.compactMap(\.string) ?? [type.string ?? ""]
        let fits = names.contains { name in
            switch (name, value) {
            case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
                ("number", .number):
                true
            case ("integer", .number): value.int64 != nil
            default: false
            }
        }
        if !fits { faults.append("\(path): \(value.text()) is no \(names)") }
        if let least = schema["minimum"]?.int64, let number = value.int64, number < least {
            faults.append("\(path): below \(least)")
        }
    }

    private mutating func checkWords(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        if let words = schema["enum"]?.array, !words.contains(value) {
            faults.append("\(path): \(value.text()) is no word")
        }
        if let word = schema["const"], word != value { faults.append("\(path): is not \(word.text())") }
        if let pattern = schema["pattern"]?.string, let text = value.string {
            let matches = (try? Regex(pattern)).map { text.firstMatch(of: $0) != nil } ?? false
            if !matches { faults.append("\(path): '\(text)' does not match \(pattern)") }
        }
    }

    private mutating func checkMembers(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        guard let object = value.object else { return }
        for name in schema["required"]?.array?.compactMap(\.string) ?? [] where object[name] == nil {
            faults.append("\(path).\(name): missing")
        }
        for member in object.members {
            if let known = schema["properties"]?[member.name] {
                check(member.value, known, at: "\(path).\(member.name)")
            } else if schema["additionalProperties"]?.bool == false {
                faults.append("\(path).\(member.name): not in the schema")
            } else if let other = schema["additionalProperties"], other.object != nil {
                check(member.value, other, at: "\(path).\(member.name)")
            }
        }
    }
}
