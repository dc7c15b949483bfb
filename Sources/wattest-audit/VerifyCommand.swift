import ArgumentParser
import Disclosure
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verifies an evidence bundle and recomputes its disclosure.")

    @Argument(help: "Directory of the bundle.")
    var bundle: String

    @Option(help: "Your policy: the log's key, the witnesses you know, and how many of them must have signed.")
    var policy: String

    @Option(help: "A report in a DSSE envelope, which must be one that the log announces.")
    var report: String?

    @Option(help: "A checkpoint of the log that you got earlier or elsewhere; the bundle must continue it. Repeatable.")
    var checkpoint: [String] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Cores to use, 1 to \(Self.maximumWorkers); all by default.")
    var workers: Int?

    /// Each has two bundles of entries in memory.
    private static let maximumWorkers = 1024

    func validate() throws {
        if let workers, !(1...Self.maximumWorkers).contains(workers) {
            throw ValidationError("--workers \(workers) is not a number from 1 to \(Self.maximumWorkers)")
        }
    }

    func run() async throws {
        try Verdict.show(await verify(), json: json)
    }

    private func verify() async -> AuditReport {
        do {
            let policy = try PlainFile.bytes(
                self.policy, place: self.policy, limit: PlainFile.maximumNoteByteCount)
            let source = try BundleDirectory.source(at: bundle)
            let cores = workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            var audit = try BundleAudit(
                source: source, policy: policy, workers: cores, progress: ProgressLine.make(isQuiet: json))
            if let report {
                let bytes = try PlainFile.bytes(report, place: report, limit: PlainFile.maximumReportByteCount)
                audit.statement = (report, bytes)
            }
            for path in checkpoint {
                let bytes = try PlainFile.bytes(path, place: path, limit: PlainFile.maximumNoteByteCount)
                audit.remembered.append((path, bytes))
            }
            let report = await audit.run()
            ProgressLine.end(isQuiet: json)
            return report
        } catch {
            var report = AuditReport()
            report.failure = error
            return report
        }
    }
}

/// What every verification prints, and its exit status.
enum Verdict {
    static func show(_ report: AuditReport, json: Bool) throws {
        print(json ? report.json.text(.pretty) : report.text, terminator: "")
        guard let failure = report.failure else { return }
        StandardError.put(failure)
        throw ExitCode(1)
    }
}

enum StandardError {
    static func put(_ failure: ReplayFailure) {
        let text = AuditReport.onOneLine("\(failure)")
        put("wattest: error[\(failure.failureClass.rawValue.uppercased())]: \(text)\n")
    }

    static func put(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// One line on a terminal that is written over; nothing where nobody looks.
enum ProgressLine {
    private static func isShown(_ isQuiet: Bool) -> Bool { !isQuiet && isatty(STDERR_FILENO) == 1 }

    static func make(isQuiet: Bool) -> @Sendable (BundleAudit.Progress) -> Void {
        guard isShown(isQuiet) else { return { _ in } }
        return { progress in
            // Each bundle has 256 entries; every sixteenth is enough for the eye.
            guard progress.done == progress.total || progress.done / 256 % 16 == 0 else { return }
            let percent = progress.total == 0 ? 100 : progress.done * 100 / progress.total
            StandardError.put("\r\(progress.stage): \(progress.done) of \(progress.total) (\(percent) %)   ")
        }
    }

    static func end(isQuiet: Bool) {
        if isShown(isQuiet) { StandardError.put("\r\u{1B}[K") }
    }
}
