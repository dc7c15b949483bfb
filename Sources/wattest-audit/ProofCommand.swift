import ArgumentParser
import Disclosure

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct ProofCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proof", abstract: "Verifies single facts: .tlog-proof files and COSE receipts.",
        discussion: """
            A receipt NAME.cose is held to its entry in NAME.note, any other receipt to the file with .note behind \
            its name. Exit status as of verify.
            """)

    @Argument(help: "Files, or directories of them.")
    var paths: [String]

    @Option(help: "Your policy: the log's key, the witnesses you know, and how many of them must have signed.")
    var policy: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        var report = AuditReport()
        do throws(ReplayFailure) {
            var facts: [FactAudit.Fact] = []
            for path in paths { facts += try Self.facts(at: path) }
            report = try FactAudit(policy: Self.note(policy)).run(facts)
        } catch {
            report.failure = error
        }
        try Verdict.show(report, json: json)
    }

    private static func note(_ path: String) throws(ReplayFailure) -> [UInt8] {
        try PlainFile.bytes(path, place: path, limit: PlainFile.maximumNoteByteCount)
    }

    private static func facts(at path: String) throws(ReplayFailure) -> [FactAudit.Fact] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw PlainFile.failure(path, "there is no such file") }
        guard status.st_mode & S_IFMT == S_IFDIR else { return [try fact(in: path)] }
        var facts: [FactAudit.Fact] = []
        for name in try BundleDirectory.source(at: path).paths.sorted() where !name.hasSuffix(".note") {
            facts.append(try fact(in: "\(path)/\(name)"))
        }
        guard !facts.isEmpty else { throw ReplayFailure(.file, at: path, "there are no proofs in it") }
        return facts
    }

    /// A receipt begins with the tag of COSE_Sign1, a proof file with its title.
    private static func fact(in path: String) throws(ReplayFailure) -> FactAudit.Fact {
        let bytes = try note(path)
        guard bytes.first == 0xD2 else { return FactAudit.Fact(place: path, proof: .file(bytes)) }
        let base = path.hasSuffix(".cose") ? String(path.dropLast(5)) : path
        let note = "\(base).note"
        return FactAudit.Fact(
            place: path, proof: .receipt(bytes, entry: try self.note(note)))
    }
}
