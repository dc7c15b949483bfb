import ArgumentParser
import Energy
import JSONText
import NIOCore
import NIOPosix
import NodeAgent

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The node's program of Wattest: reads energy, signs what it read, sends it to the aggregator.
@main
struct WattestAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wattest-agent",
        abstract: "Reads the node's energy counters and signs what it read.",
        version: Release.version,
        subcommands: [Enroll.self, Run.self, Status.self, ListSensors.self, SelfTest.self, RotateKey.self])

    /// On the main thread: a step outside of it, before the loop is there, would start the pool of threads.
    @MainActor static func main() async {
        Signals.take()
        // One connection is all there is; a loop for each core would cost the node memory for nothing.
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
        do {
            var command = try parseAsRoot()
            if let run = command as? Run {
                try await withTaskExecutorPreference(AgentEnvironment.executor) { try await run.run() }
            } else if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as AgentError {
            Terminal.report(error)
            exit(withError: ExitCode(error.exitStatus))
        } catch let code as ExitCode {
            exit(withError: code)
        } catch  where exitCode(for: error) == .success {
            exit(withError: error)
        } catch  where exitCode(for: error) == .validationFailure {
            Terminal.report(AgentError(.usage, "\(message(for: error)); see `wattest-agent --help`"))
            exit(withError: ExitCode(2))
        } catch {
            let failure = AgentError(.unavailable, "\(error)")
            Terminal.report(failure)
            exit(withError: ExitCode(failure.exitStatus))
        }
    }
}

/// Lines for people on standard error.
enum Terminal {
    static func report(_ error: AgentError) { line("wattest: error[\(error.code.rawValue)]: \(error)") }

    /// One line, whatever the text holds.
    static func line(_ text: String) {
        let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let bytes = Array((PlainText.line(words) + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
