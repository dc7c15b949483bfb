/// The repository speaks of the product alone: it names no machine, and does not tell how it came about.
struct WordingRule {
    private static var patterns: [(what: String, pattern: Regex<Substring>)] {
        [
            ("a path of one machine", /(?:^|[^A-Za-z0-9._\-\]}])\/(?:work|home|Users|opt)\/[a-z]/),
            ("unfinished work", /\b(?:TODO|FIXME|XXX|HACK)\b/),
            ("a ticket's number", /\b[Ii]ssues?\s+#?[0-9]+\b/),
            ("how the text came about", /\b(?i:assistant|copilot|chatbot|co-authored-by|work(?:ed)? session)\b/),
        ]
    }

    /// This file names what it forbids.
    private static let exempt = ["Tests/TidyTests/WordingRule.swift", "Tests/TidyTests/TidyRuleTests.swift"]

    func violations(in file: SourceFile) -> [Violation] {
        guard !file.isGenerated, !Self.exempt.contains(file.path) else { return [] }
        return Self.patterns.filter { file.text.firstMatch(of: $0.pattern.anchorsMatchLineEndings()) != nil }.flatMap {
            entry in
            file.lines.enumerated().filter { $1.firstMatch(of: entry.pattern) != nil }.map {
                Violation(path: file.path, line: $0.offset + 1, what: "\(entry.what): \($0.element.prefix(80))")
            }
        }
    }
}
