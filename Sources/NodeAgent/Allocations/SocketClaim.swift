import Batches

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A job's side of the agent's socket: holds this node for the job while it lives.
package final class SocketClaim: Sendable {
    private let descriptor: Int32
    /// The job's pseudonym in the log.
    package let pseudonym: String

    /// Connects and claims.
    ///
    /// - Parameters:
    ///   - job: a bare name, or a full key.
    ///   - options: words of `begin` with their values as they are, for example `("label.model", "llama")`.
    /// - Throws: `unavailable` when no agent listens there, `refused` with the agent's reason.
    package init(path: String, job: String, options: [(name: String, value: String)] = []) throws(AgentError) {
        guard let descriptor = UnixSocket.connect(to: path) else {
            throw AgentError(
                .unavailable, "\(path): no agent listens there; start it, or set WATTEST_AGENT_SOCKET to its socket")
        }
        self.descriptor = descriptor
        let key = JobKey(job) == nil ? PercentEncoding.encode(job) : job
        let words = ["begin", key] + options.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }
        do throws(AgentError) {
            let answer = try Self.ask(words.joined(separator: " "), descriptor, path)
            pseudonym = String(answer.dropFirst(3))
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Tells figures of the job; numbers as text.
    package func report(_ figures: [(name: String, value: String)]) throws(AgentError) {
        let words = ["progress"] + figures.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }
        _ = try Self.ask(words.joined(separator: " "), descriptor, "the agent's socket")
    }

    /// Ends the hold after the agent has looked at the job's processes a last time.
    package func end() throws(AgentError) { _ = try Self.ask("end", descriptor, "the agent's socket") }

    private static func ask(_ line: String, _ descriptor: Int32, _ place: String) throws(AgentError) -> String {
        let bytes = Array((line + "\n").utf8)
        guard UnixSocket.send(bytes, to: descriptor), let answer = UnixSocket.line(from: descriptor) else {
            throw AgentError(.unavailable, "\(place): the agent closed the connection")
        }
        if answer == "ok" || answer.hasPrefix("ok ") { return answer }
        throw AgentError(.refused, "\(place): \(answer.hasPrefix("error ") ? String(answer.dropFirst(6)) : answer)")
    }
}
