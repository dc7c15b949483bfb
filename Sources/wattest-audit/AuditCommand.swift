import ArgumentParser
import Energy

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wattest-audit",
        abstract: "Recomputes a disclosure from its evidence, offline.",
        discussion: """
            It needs nothing but the bundle and your own policy: no network, no database, no trust in who made the
            bundle.
            Exit status 0 means that the evidence holds, 1 that it does not, 2 a usage error.
            """,
        version: Release.version,
        subcommands: [VerifyCommand.self, ProofCommand.self, ShowCommand.self])
}

@main
enum AuditProgram {
    static func main() async {
        do {
            var command = try AuditCommand.parseAsRoot()
            if let verify = command as? VerifyCommand {
                try await verify.run()
            } else {
                try command.run()
            }
        } catch {
            guard AuditCommand.exitCode(for: error) == .validationFailure else { AuditCommand.exit(withError: error) }
            StandardError.put("wattest: error[USAGE]: \(AuditCommand.message(for: error)); see wattest-audit --help\n")
            exit(2)
        }
    }
}
