import Identity
import JSONText
import MetricsEndpoint
import NodeAgent
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What every mode of `run` has around it: the metrics, the ready file, and the signals that end it.
final class AgentHost: Sendable {
    let intervalSeconds: Int64
    let socketPath: String
    private let metricsAddress: NetworkAddress
    private let readyFile: String?

    init(_ settings: Settings, _ enrolment: Enrolment) throws(AgentError) {
        intervalSeconds = try settings.integer("interval-seconds", in: 5...300) ?? enrolment.intervalSeconds
        metricsAddress = try settings.address("metrics", otherwise: "127.0.0.1:9443")
        socketPath = settings["socket"] ?? enrolment.directory + "/agent.sock"
        readyFile = settings["ready-file"]
    }

    /// Runs the work until it returns. The work is given a wait for the signal that asks it to end.
    func run(
        metrics: @escaping @Sendable () -> MetricsPage, readiness: @escaping @Sendable () -> Readiness,
        work: @escaping @Sendable (_ untilStopped: @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let signals = Signals.stream()
        let listener = MetricsListener(
            configuration: .init(address: metricsAddress), metrics: metrics, readiness: readiness)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await listener.run { Self.announce($0, self.socketPath, to: self.readyFile) }
                } catch {
                    throw AgentError(.unavailable, "\(error)")
                }
                throw CancellationError()
            }
            group.addTask {
                try await work { for await _ in signals { return } }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func announce(_ address: NetworkAddress, _ socketPath: String, to file: String?) {
        guard let file else { return }
        let ready: JSONValue = [
            "metrics": .string("\(address)"), "socket": .string(socketPath), "pid": .integer(getpid()),
        ]
        do {
            try PrivateFile.write(ready.rendered() + [UInt8(ascii: "\n")], to: file, mode: 0o644)
        } catch {
            Terminal.line("wattest: error[FILE]: the ready file: \(error)")
        }
    }
}
