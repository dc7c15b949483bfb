/// The repository speaks of the product alone: it names no machine, and does not tell how it came about.
struct WordingRule {
    private struct Ban {
        let what: String
        /// One of these stands in every match, in whatever case.
        let needles: [String]
        let pattern: Regex<Substring>
    }

    private static var bans: [Ban] {
        [
            Ban(
                what: "a path of one machine", needles: ["/work/", "/home/", "/Users/"],
                pattern: /(?:^|[^A-Za-z0-9._\-\]}])\/(?:work|home|Users)\/[a-z]/),
            Ban(
                what: "unfinished work", needles: ["TODO", "FIXME", "XXX", "HACK"],
                pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/),
            Ban(what: "a ticket's number", needles: ["issue"], pattern: /\b[Ii]ssues?\s+#?[0-9]+\b/),
            Ban(
                what: "how the text came about", needles: ["assistant", "copilot", "chatbot", "co-authored-by"],
                pattern: /\b(?i:assistant|copilot|chatbot|co-authored-by)\b/),
        ]
    }

    /// They name what they forbid.
    private static let exempt = ["Tests/TidyTests/WordingRule.swift", "Tests/TidyTests/TidyRuleTests.swift"]

    func violations(in file: SourceFile) -> [Violation] {
        guard !file.isGenerated, !Self.exempt.contains(file.path) else { return [] }
        return Self.bans.filter { $0.needles.contains(where: file.holds) }.flatMap { ban in
            file.lines.enumerated().filter { $0.element.firstMatch(of: ban.pattern) != nil }.map {
                Violation(path: file.path, line: $0.offset + 1, what: "\(ban.what): \($0.element.prefix(80))")
            }
        }
    }
}
