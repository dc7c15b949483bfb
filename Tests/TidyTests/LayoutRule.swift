/// The top level of the repository is fixed: a newcomer finds the same few names for years.
struct LayoutRule {
    static let permitted: Set<String> = [
        "Package.swift", "Sources", "Tests", "deploy", "proto", "sql", "README.md", "LICENSE", ".ci", ".gitignore",
        ".swift-format",
    ]

    /// What tools leave behind and `.gitignore` names.
    static func isLeftByTools(_ name: String) -> Bool {
        [".git", "Package.resolved", ".swiftpm", ".DS_Store"].contains(name)
            || [".build", ".index-build", ".vscode", ".idea"].contains { name.hasPrefix($0) } || name.hasSuffix(".swp")
    }

    func violations(topLevel: [String]) -> [Violation] {
        topLevel.sorted()
            .filter { !Self.permitted.contains($0) && !Self.isLeftByTools($0) }
            .map {
                Violation(
                    path: $0, line: 0, what: "is not of the fixed top level: move it into Sources, Tests or deploy")
            }
    }
}
