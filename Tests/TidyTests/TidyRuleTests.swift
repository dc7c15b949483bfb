import Testing

/// Each rule fails on what it forbids and passes on its nearest innocent neighbour.
struct TidyRuleTests {
    @Test func layout() {
        let found = LayoutRule().violations(topLevel: [
            "Sources", "Makefile", ".build", ".build-release", ".git", "docs",
        ])
        #expect(found.map(\.path) == ["Makefile", "docs"])
    }

    @Test(arguments: [
        ("Energy", "import Batches"), ("Energy", "import Foundation"), ("Accounts", "internal import Batches"),
        ("Batches", "import Glibc"), ("NodeAgent", "import Store"), ("Sensors", "import Foundation"),
        ("Wire", "import NodeAgent"), ("wattest-audit", "import NIOCore"), ("wattest-audit", "import Identity"),
        ("Emissions", "package import struct Foundation.Date"), ("Unheard", "import Energy"),
    ])
    func importRefused(module: String, line: String) {
        let file = SourceFile.sample("Sources/\(module)/A.swift", "// A file\n\(line)\n")
        #expect(ImportRule().violations(in: [file]).count == 1)
    }

    @Test(arguments: [
        ("Accounts", "package import Energy"), ("Batches", "import Crypto"), ("NodeAgent", "import Glibc"),
        ("Wire", "import NIOHTTP2"), ("wattest-audit", "import Disclosure"), ("Energy", "import Synchronization"),
        ("Energy", "// import Batches"), ("Energy", "let text = \"import Batches\""),
    ])
    func importPermitted(module: String, line: String) {
        let file = SourceFile.sample("Sources/\(module)/A.swift", "\(line)\n")
        #expect(ImportRule().violations(in: [file]) == [])
    }

    @Test func closureFollowsImports() {
        let files = [
            SourceFile.sample("Sources/wattest-audit/A.swift", "import Disclosure"),
            SourceFile.sample("Sources/Disclosure/A.swift", "import Batches"),
            SourceFile.sample("Sources/Batches/A.swift", "import NIOCore"),
            SourceFile.sample("Sources/Store/A.swift", "import CPostgres"),
        ]
        #expect(ImportRule.closure(of: "wattest-audit", in: files) == ["Disclosure", "Batches", "NIOCore"])
    }

    @Test func lineLengthCountsCharacters() {
        let long = String(repeating: "µ", count: LengthRule.columns)
        #expect(LengthRule().violations(in: .sample("Sources/Energy/A.swift", "\(long)\n")) == [])
        #expect(LengthRule().violations(in: .sample("Sources/Energy/A.swift", "\n\(long)µ\n")).map(\.line) == [2])
    }

    @Test func fileLength() {
        let full = String(repeating: "\n", count: LengthRule.fileLines)
        #expect(LengthRule().violations(in: .sample("Sources/Energy/A.swift", full)) == [])
        #expect(LengthRule().violations(in: .sample("Sources/Energy/A.swift", full + "\n")).count == 1)
    }

    @Test(arguments: [
        "func run() {", "init(\n) {", "static func < (left: A, right: A) -> Bool {", "subscript(i: Int) -> A {",
    ])
    func functionLength(head: String) {
        func file(statements: Int) -> SourceFile {
            .sample(
                "Sources/Energy/A.swift",
                "struct A {\n\(head)\n" + String(repeating: "x()\n", count: statements) + "}\n}\n")
        }
        let headLines = head.split(separator: "\n").count
        #expect(LengthRule().violations(in: file(statements: LengthRule.functionLines - headLines - 1)) == [])
        let long = LengthRule().violations(in: file(statements: LengthRule.functionLines - headLines))
        #expect(long.map(\.line) == [2])
    }

    @Test func functionsWithoutBodyAndCallsAreNone() {
        let text = """
            protocol P {
                func one(_ body: () -> Void)
                var two: Int { get }
                init(three: Int)
            }
            let made = Four.init(4)
            func five(_ body: () -> Void = { print("}") }) {
                body()
            }
            """
        #expect(FunctionSpan.all(in: SourceText(text)) == [FunctionSpan(firstLine: 7, lines: 3)])
    }

    @Test(arguments: [
        ("Aggregation", "Task { run() }"), ("Aggregation", "Task.detached { run() }"),
        ("Aggregation", "Task(priority: .low) { run() }"), ("Wire", "let a = try! open()"),
        ("Wire", "final class A: @unchecked Sendable {}"), ("Wire", "nonisolated(unsafe) var a = 0"),
        ("Batches", "fatalError(\"no\")"), ("Sensors", "let now = Date()"), ("Energy", "print(1)"),
        ("Energy", "let a: Double = 0"), ("Accounts", "let a = Float(0)"), ("Batches", "clock_gettime(0, &t)"),
        ("Energy", "let text = \"\\(Double(1))\""),
        // A comment that gives no reason, or stands elsewhere.
        ("Wire", "let a = try! open() // sure"), ("Wire", "// A long reason indeed.\n\nlet a = try! open()"),
        // No reason is good enough here.
        ("Energy", "// Only shown to a person.\nlet a: Double = 0"),
    ])
    func wordRefused(module: String, code: String) {
        let found = BannedWordRule().violations(in: .sample("Sources/\(module)/A.swift", code))
        #expect(found.count == 1)
    }

    @Test(arguments: [
        ("Aggregation", "group.addTask { run() }"), ("Wire", "promise.completeWithTask { run() }"),
        ("Wire", "// The handle is guarded by the lock above.\nfinal class A: @unchecked Sendable {}"),
        ("Wire", "let a = try! open() // the file is part of the program"),
        ("Energy", "debug.print(1)"), ("Energy", "// Double is never used.\nlet a = 0"),
        ("Batches", "let a: Double = 0"),
        ("wattest", "print(1)"), ("Energy", "let text = \"try! Date() \\(a) print(\""),
        ("Energy", "let text = #\"\\(Double) \" fatalError\"#"), ("Energy", "/* try! /* print( */ Date() */ let a = 0"),
        ("Energy", "let text = \"\"\"\n    try! \"quoted\" fatalError\n    \"\"\""),
    ])
    func wordPermitted(module: String, code: String) {
        #expect(BannedWordRule().violations(in: .sample("Sources/\(module)/A.swift", code)) == [])
    }

    @Test(arguments: [
        "see /work/notes", "cd /home/someone", "\"/Users/someone\"", "// TODO later", "fixes issue 12", "Issue #3",
        "made by an Assistant", "Co-authored-by: x",
    ])
    func wordingRefused(line: String) {
        #expect(WordingRule().violations(in: .sample("README.md", "First.\n\(line)\n")).map(\.line) == [2])
    }

    @Test(arguments: [
        "network/work/a", "issues a disclosure", "issued 12 tokens", "${dir}/work/a", "/run/wattest/agent.sock",
    ])
    func wordingPermitted(line: String) {
        #expect(WordingRule().violations(in: .sample("README.md", "\(line)\n")) == [])
    }

    @Test func routesThatAreNotDocumentedOrNotServed() {
        let routes = SourceFile.sample(
            "Sources/Aggregation/Serving/Routes.swift",
            "router.get(\"/healthz\") {\nrouter.post(\"/v1/enroll\") {\nrouter.get(\"/log/{org}/tile/**\") {")
        let paths = "paths:\n  /healthz:\n    get:\n    post:\n  /log/{org}/tile/{path}:\n    get:\n"
        let document = SourceFile.sample(RouteRule.document, paths + "components:\n  /x:\n    get:\n")
        #expect(
            RouteRule().violations(in: [routes, document]).map(\.description) == [
                "Sources/Aggregation/Serving/Routes.swift:2: post /v1/enroll is not in proto/openapi.yaml",
                "proto/openapi.yaml:4: post /healthz is not served",
            ])
    }
}
