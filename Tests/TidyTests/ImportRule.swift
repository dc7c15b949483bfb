/// Imports go downwards only, and each module names its outside world.
///
/// The table is the architecture: a new module, or a new import, is a line here that somebody has to read.
struct ImportRule {
    struct Module {
        /// Own modules that it may import.
        var own: Set<String> = []
        /// Modules of packages and of the system; a trailing `*` stands for any rest.
        var outside: [String] = []
    }

    /// May be imported everywhere: part of the language.
    static let language: Set<String> = [
        "Swift", "Synchronization", "_Concurrency", "_StringProcessing", "RegexBuilder",
    ]

    static let cLibrary = ["Glibc", "Musl"]
    static let nio = ["NIO*"]
    /// What a daemon is wired from.
    static let service = [
        "ArgumentParser", "Logging", "ServiceLifecycle", "UnixSignals", "Yams", "FoundationEssentials",
    ]

    /// Above the line: no I/O, no clock, no randomness, no Foundation.
    static let pure: [String: Module] = [
        "Energy": Module(),
        // All cores for work that is a function of its input: order and result stay those of one.
        // The C library for its advice on memory, which no file and no clock comes with.
        "Parallel": Module(outside: ["Dispatch"] + cLibrary),
        "JSONText": Module(own: ["Parallel"]),
        "SeededRandom": Module(),
        "TransparencyLog": Module(outside: ["Crypto"]),
        "Batches": Module(own: ["Energy", "TransparencyLog"], outside: ["Crypto"]),
        "Accounts": Module(own: ["Energy"]),
        // The C library for its logarithms and roots.
        "Emissions": Module(own: ["Energy", "JSONText"], outside: cLibrary),
        "Disclosure": Module(
            own: ["Energy", "JSONText", "Parallel", "TransparencyLog", "Batches", "Accounts", "Emissions"],
            outside: ["Crypto"]),
    ]

    static let edges: [String: Module] = [
        "CNVML": Module(),
        "CPostgres": Module(),
        "CPKCS11": Module(),
        "Sensors": Module(own: ["Energy", "JSONText", "CNVML"], outside: cLibrary),
        "Workloads": Module(own: ["JSONText"], outside: cLibrary),
        "Identity": Module(outside: cLibrary + ["Crypto", "SwiftASN1", "X509", "Foundation*"]),
        "HardwareKeys": Module(own: ["CPKCS11", "Identity", "TransparencyLog"], outside: cLibrary),
        "PinnedHTTPS": Module(own: ["Identity"], outside: nio),
        "MetricsEndpoint": Module(own: ["Identity"], outside: nio),
        "HTTPEdge": Module(
            own: ["Identity", "JSONText"], outside: nio + ["HTTPTypes", "Hummingbird*", "Logging", "ServiceLifecycle"]),
        "Wire": Module(own: ["Identity"], outside: nio + ["GRPC*", "SwiftProtobuf", "Foundation*", "Logging"]),
        "Store": Module(own: ["CPostgres"], outside: cLibrary + ["Logging", "ServiceLifecycle"]),
    ]

    static let services: [String: Module] = [
        "NodeAgent": Module(
            own: [
                "Energy", "JSONText", "TransparencyLog", "Batches", "Sensors", "Workloads", "Identity", "PinnedHTTPS",
                "MetricsEndpoint", "Wire",
            ],
            outside: cLibrary + nio + ["Crypto", "Logging", "ServiceLifecycle"]),
        "Aggregation": Module(
            own: Set(pure.keys).union([
                "Wire", "Store", "Identity", "HardwareKeys", "HTTPEdge", "MetricsEndpoint",
            ]),
            outside: cLibrary + nio
                + ["AsyncHTTPClient", "Crypto", "HTTPTypes", "Hummingbird*", "Logging", "ServiceLifecycle"]),
        "ClusterSimulation": Module(own: Set(pure.keys)),
    ]

    static let programs: [String: Module] = [
        // What an auditor must trust: the pure modules, and a parser of the command line.
        "wattest-audit": Module(own: Set(pure.keys), outside: cLibrary + ["ArgumentParser", "FoundationEssentials"]),
        "wattest-agent": Module(
            own: Set(pure.keys).union(edges.keys).union(["NodeAgent"]).subtracting(["Store", "CPostgres", "HTTPEdge"]),
            outside: cLibrary + nio + service),
        "wattest-aggregator": Module(
            own: Set(pure.keys).union(edges.keys).union(["Aggregation"]).subtracting(["Sensors", "CNVML"]),
            outside: cLibrary + nio + service + ["Hummingbird*"]),
        "wattest": Module(
            own: Set(pure.keys).union(["Identity", "Sensors", "NodeAgent"]),
            outside: cLibrary + nio + ["ArgumentParser", "AsyncHTTPClient", "Crypto"]),
        "wattest-bench": Module(
            own: Set(pure.keys).union(edges.keys).union(["NodeAgent", "Aggregation", "ClusterSimulation"]),
            outside: cLibrary + nio + ["ArgumentParser", "Crypto", "Logging", "ServiceLifecycle"]),
    ]

    static let modules = [pure, edges, services, programs].reduce(into: [:]) { $0.merge($1) { first, _ in first } }

    func violations(in files: [SourceFile]) -> [Violation] {
        files.flatMap { file -> [Violation] in
            guard let name = file.module else { return [] }
            guard let module = Self.modules[name] else {
                return [Violation(path: file.path, line: 0, what: "module \(name) has no line in ImportRule: add one")]
            }
            return Import.all(in: file).filter { !Self.permits(module, name, $0.module) }.map {
                Violation(path: file.path, line: $0.line, what: "\(name) may not import \($0.module)")
            }
        }
    }

    private static func permits(_ module: Module, _ name: String, _ imported: String) -> Bool {
        if language.contains(imported) || module.own.contains(imported) { return true }
        if modules[imported] != nil { return false }
        return module.outside.contains { pattern in
            pattern.hasSuffix("*") ? imported.hasPrefix(pattern.dropLast()) : imported == pattern
        }
    }

    /// Everything that a module brings with it, own and foreign, as the files say.
    static func closure(of module: String, in files: [SourceFile]) -> Set<String> {
        let imports = Dictionary(grouping: files.filter { $0.module != nil }, by: { $0.module ?? "" })
            .mapValues { Set($0.flatMap { Import.all(in: $0).map(\.module) }) }
        var reached: Set<String> = []
        var open = [module]
        while let next = open.popLast() {
            for imported in imports[next] ?? [] where reached.insert(imported).inserted { open.append(imported) }
        }
        return reached
    }
}

/// One import declaration.
struct Import {
    let module: String
    /// From 1.
    let line: Int

    static func all(in file: SourceFile) -> [Import] {
        guard file.text.contains("import ") else { return [] }
        let source = SourceText(file.text)
        return source.code.indices.compactMap { index in
            var words = source.line(index).split(separator: " ").map(String.init)
            guard let keyword = words.firstIndex(of: "import"), words[..<keyword].allSatisfy(isModifier) else {
                return nil
            }
            words.removeFirst(keyword + 1)
            if let kind = words.first, ["struct", "enum", "func", "class", "protocol", "let", "var"].contains(kind) {
                words.removeFirst()
            }
            return words.first.map { Import(module: String($0.prefix { $0 != "." }), line: index + 1) }
        }
    }

    private static func isModifier(_ word: String) -> Bool {
        word.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains(word)
    }
}
