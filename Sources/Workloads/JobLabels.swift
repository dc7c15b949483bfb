/// Labels that people give to a job: its model, its class, the activity of the model's life cycle.
package enum JobLabels {
    /// Names that are taken from free text and from the environment.
    package static let known: Set<String> = ["model", "class", "activity"]
    package static let maximumValueBytes = 256

    /// Reads `model=llama,class=final`, as a Slurm comment may hold it. Words that are no such pair are no labels.
    package static func parse(comment: String) -> [String: String] {
        var labels: [String: String] = [:]
        for word in comment.split(whereSeparator: { $0 == "," || $0 == ";" || $0.isWhitespace }) {
            guard let equals = word.firstIndex(of: "=") else { continue }
            var name = word[..<equals].lowercased()
            if name.hasPrefix("wattest.") { name.removeFirst("wattest.".count) }
            let value = word[word.index(after: equals)...]
            guard known.contains(name), !value.isEmpty, value.utf8.count <= maximumValueBytes else { continue }
            labels[name] = written(name, value)
        }
        return labels
    }

    /// Reads `WATTEST_MODEL`, `WATTEST_CLASS` and `WATTEST_ACTIVITY`.
    package static func parse(environment: TaskEnvironment) -> [String: String] {
        var labels: [String: String] = [:]
        for name in known {
            guard let value = environment["WATTEST_" + name.uppercased()], !value.isEmpty,
                value.utf8.count <= maximumValueBytes
            else { continue }
            labels[name] = written(name, value)
        }
        return labels
    }

    /// A class as reports sum it: `Final` is no class beside `final`. Names of models are kept as they are.
    package static func written(_ name: String, _ value: some StringProtocol) -> String {
        name == "class" ? value.lowercased() : String(value)
    }
}
