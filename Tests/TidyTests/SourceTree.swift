import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// One text file of the repository.
struct SourceFile {
    /// From the top of the repository, with slashes.
    let path: String
    let text: String
    /// The text in small letters, as bytes: for `holds`.
    private let small: [CChar]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        small = Array(text.lowercased().utf8CString)
    }

    /// Whether a word occurs anywhere, in whatever case: a quick look before a pattern is tried line by line.
    func holds(_ word: String) -> Bool {
        small.withUnsafeBufferPointer { text in
            text.baseAddress.map { strstr($0, word.lowercased()) != nil } ?? false
        }
    }

    /// Written by a generator from `proto/`, not by hand.
    var isGenerated: Bool {
        path.contains("/Generated/") || path.hasSuffix(".pb.swift") || path.hasSuffix(".grpc.swift")
    }

    var isSwift: Bool { path.hasSuffix(".swift") }

    /// The module a source file belongs to: the folder below `Sources`.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    var lines: [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// A file that a self-test makes up.
    static func sample(_ path: String, _ text: String) -> SourceFile { SourceFile(path: path, text: text) }
}

/// What a rule found wrong, as `path:line: what`.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    /// From 1; 0 stands for the file as a whole.
    let line: Int
    let what: String

    var description: String { line == 0 ? "\(path): \(what)" : "\(path):\(line): \(what)" }
}

/// The repository as it lies on disk.
struct SourceTree {
    let topLevel: [String]
    let files: [SourceFile]

    var swift: [SourceFile] { files.filter { $0.isSwift && !$0.isGenerated } }
    var sources: [SourceFile] { swift.filter { $0.module != nil } }

    /// Reads the tree once for all rules.
    static let shared = Result {
        try SourceTree(root: URL(filePath: #filePath).appending(path: "../../..").standardized)
    }

    private static let folders = [".ci", "Sources", "Tests", "deploy", "proto", "sql"]
    private static let single = ["README.md", "Package.swift"]

    init(root: URL) throws {
        let manager = FileManager.default
        topLevel = try manager.contentsOfDirectory(atPath: root.path())
        var files: [SourceFile] = []
        for name in Self.single where topLevel.contains(name) {
            files.append(try Self.read(name, root))
        }
        for folder in Self.folders where topLevel.contains(folder) {
            for path in try manager.subpathsOfDirectory(atPath: root.appending(path: folder).path()).sorted() {
                guard Self.isText(path), !path.contains("/Fixtures/"), !path.hasPrefix("data/") else { continue }
                var isDirectory: ObjCBool = false
                let full = root.appending(path: folder).appending(path: path).path()
                guard manager.fileExists(atPath: full, isDirectory: &isDirectory), !isDirectory.boolValue else {
                    continue
                }
                files.append(try Self.read("\(folder)/\(path)", root))
            }
        }
        self.files = files
    }

    private static func read(_ path: String, _ root: URL) throws -> SourceFile {
        let bytes = try Data(contentsOf: root.appending(path: path))
        return SourceFile(path: path, text: String(decoding: bytes, as: UTF8.self))
    }

    /// Scripts have no suffix.
    private static func isText(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        let suffixes = [".swift", ".md", ".proto", ".sql", ".yaml", ".json", ".sh", ".go", ".h", ".c"]
        return !name.contains(".") || suffixes.contains { name.hasSuffix($0) }
    }
}
