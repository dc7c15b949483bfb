/// Words of code that need a reason, or a place where they are allowed.
struct BannedWordRule {
    struct Ban {
        let word: String
        /// What every match holds: looked for first, since it is found much faster than the pattern.
        let needles: [String]
        let pattern: Regex<Substring>
        let why: String
        /// Whether a comment on the line, or on the one above, that gives a reason permits it.
        let reasonPermits: Bool
        let applies: (String) -> Bool

        init(
            _ word: String, needles: [String]? = nil, _ pattern: Regex<Substring>, _ why: String,
            reasonPermits: Bool = true,
            applies: @escaping (String) -> Bool = { _ in true }
        ) {
            self.word = word
            self.needles = needles ?? [word]
            self.pattern = pattern
            self.why = why
            self.reasonPermits = reasonPermits
            self.applies = applies
        }
    }

    @Sendable private static func isPure(_ module: String) -> Bool { ImportRule.pure[module] != nil }
    @Sendable private static func isProgram(_ module: String) -> Bool { ImportRule.programs[module] != nil }
    @Sendable private static func countsEnergy(_ module: String) -> Bool { ["Energy", "Accounts"].contains(module) }

    static var all: [Ban] {
        [
            Ban(
                "Task {", needles: ["Task"], /\bTask(?:\.detached)?\s*(?:\([^)]*\)\s*)?\{/,
                "its errors and its end are lost: use a task group",
                applies: { !isProgram($0) }),
            Ban("try!", /\btry!/, "a failure becomes a crash"),
            Ban("@unchecked Sendable", needles: ["@unchecked"], /@unchecked\s+Sendable/, "the compiler stops checking"),
            Ban("nonisolated(unsafe)", /\bnonisolated\(unsafe\)/, "the compiler stops checking"),
            Ban("fatalError", /\bfatalError\b/, "bad input must not crash"),
            Ban("Date()", /\bDate\(\)/, "an ambient clock cannot be tested: pass the time in"),
            Ban(
                "ambient clock", needles: ["clock_gettime", "gettimeofday", "Clock", "SystemRandomNumberGenerator"],
                /\b(?:clock_gettime|gettimeofday|ContinuousClock|SuspendingClock|SystemRandomNumberGenerator)\b/,
                "pure modules know no clock and no chance: pass them in", reasonPermits: false, applies: isPure),
            Ban(
                "print(", /(?:^|[^.\w])print\(/, "only a program speaks: return the text",
                applies: { !isProgram($0) }),
            Ban(
                "Double", needles: ["Double", "Float"], /\b(?:Double|Float|Float16|Float32|Float80)\b/,
                "energy is an integer", reasonPermits: false, applies: countsEnergy),
        ]
    }

    func violations(in file: SourceFile) -> [Violation] {
        guard let module = file.module else { return [] }
        let bans = Self.all.filter { ban in
            ban.applies(module) && ban.needles.contains(where: file.holds)
        }
        guard !bans.isEmpty else { return [] }
        let source = SourceText(file.text)
        return source.code.indices.flatMap { index -> [Violation] in
            let line = source.line(index)
            return bans.filter { line.firstMatch(of: $0.pattern) != nil }
                .filter { !($0.reasonPermits && Self.hasReason(source, index)) }
                .map { Violation(path: file.path, line: index + 1, what: "\($0.word): \($0.why)") }
        }
    }

    /// A comment of three words or more.
    private static func hasReason(_ source: SourceText, _ index: Int) -> Bool {
        [index, index - 1].contains { line in
            line >= 0 && source.comment(line).split { !$0.isLetter }.count >= 3
        }
    }
}
