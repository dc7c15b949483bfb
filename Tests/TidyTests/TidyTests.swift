import Testing

/// The rules of the code, applied to the tree. ``TidyRuleTests`` shows that each of them can fail.
struct TidyTests {
    let tree: SourceTree

    init() throws { tree = try SourceTree.shared.get() }

    private func expectNone(_ violations: [Violation]) {
        #expect(violations.isEmpty, "\n\(violations.map(\.description).joined(separator: "\n"))")
    }

    @Test func topLevelIsFixed() { expectNone(LayoutRule().violations(topLevel: tree.topLevel)) }

    @Test func importsGoDownwards() { expectNone(ImportRule().violations(in: tree.sources)) }

    @Test func auditorTrustsPureModulesOnly() {
        let closure = ImportRule.closure(of: "wattest-audit", in: tree.sources)
        // Dispatch is the toolchain's, as the language is.
        let trusted = Set(ImportRule.pure.keys).union(ImportRule.language)
            .union(["Dispatch", "Crypto", "ArgumentParser", "Glibc", "Musl", "FoundationEssentials"])
        #expect(closure.subtracting(trusted).isEmpty, "wattest-audit brings more than an auditor reads")
    }

    @Test func lengthsAreBounded() { expectNone(tree.swift.flatMap(LengthRule().violations)) }

    @Test func bannedWordsHaveReasons() { expectNone(tree.sources.flatMap(BannedWordRule().violations)) }

    @Test func wordingIsOfTheProduct() { expectNone(tree.files.flatMap(WordingRule().violations)) }

    @Test func routesAreDocumented() { expectNone(RouteRule().violations(in: tree.files)) }

    @Test func treeIsRead() {
        #expect(tree.swift.count > 100, "the rules would hold for an empty tree as well")
        #expect(tree.files.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
    }
}
