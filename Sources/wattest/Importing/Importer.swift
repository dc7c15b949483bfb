import Batches
import Crypto
import JSONText
import NodeAgent
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The signer of imports from this machine: one for each log, enrolled on first use and kept in a state directory.
struct Importer {
    let client: AggregatorClient
    let stateDirectory: String?

    /// The identity for an organization's log; enrols one where there is none.
    ///
    /// Processes that come at the same time wait for the first: were each to enrol, equal files would be imported by
    /// two signers, and which of them an interrupted import belongs to would depend on chance.
    func enrolment(_ organization: String) async throws -> Enrolment {
        let about = try await client.get(AggregatorClient.path(organization))
        // The first key stays the log's name whatever signs today.
        guard let logKey = about["log_vkeys"]?.array?.first?.string ?? about["log_vkey"]?.string else {
            throw CommandFailure(
                .unavailable, "BAD_REPLY", "the organization has no log key, \(client.exchange.address), check --server"
            )
        }
        let directory = try stateDirectory ?? Self.defaultDirectory(logKey)
        try Self.makeDirectories(directory)
        let lock = try FileLock(path: "\(directory)/lock")
        defer { lock.release() }
        if let known = try Self.known(directory) { return known }
        return try await enrol(organization, in: directory)
    }

    private static func known(_ directory: String) throws(AgentError) -> Enrolment? {
        do {
            return try Enrolment(directory: directory)
        } catch {
            guard error.code == .notEnrolled else { throw error }
            return nil
        }
    }

    private func enrol(_ organization: String, in directory: String) async throws -> Enrolment {
        let token = try await client.post(
            AggregatorClient.path(organization, "tokens"), ["uses": 1, "ttl_seconds": 600, "kind": "join"])
        guard let text = token["token"]?.string, let authority = token["ca_sha256"]?.string else {
            throw CommandFailure(
                .unavailable, "BAD_REPLY", "no join token came, \(client.exchange.address), check --server")
        }
        let name = "importer-\(Hexadecimal.encode(AgentEnvironment.randomBytes(4)))"
        let request = EnrolmentRequest(
            server: "https://\(client.exchange.address)", authoritySHA256: authority, token: text, node: name,
            role: .importer, directory: directory)
        return try await request.run(
            now: AgentEnvironment.unixSeconds, seed: AgentEnvironment.randomBytes(32)
        ).enrolment
    }

    /// By the log's key and not its name: an aggregator that is set up anew under an old name is another log.
    static func defaultDirectory(
        _ logKey: String, environment: (String) -> String? = ServerOptions.environmentValue
    ) throws(CommandFailure) -> String {
        let hash = Hexadecimal.encode(Array(SHA256.hash(data: Array(logKey.utf8)).prefix(8)))
        if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") {
            return "\(state)/wattest/importer-\(hash)"
        }
        guard let home = environment("HOME"), home.hasPrefix("/") else {
            throw .usage("there is no place for the importer's identity, HOME is not set", "give --state-dir")
        }
        return "\(home)/.local/state/wattest/importer-\(hash)"
    }

    private static func makeDirectories(_ path: String) throws(CommandFailure) {
        var current = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            current += "/\(part)"
            guard mkdir(current, 0o700) == 0 || errno == EEXIST else { throw OutputFile.failure(current) }
        }
    }
}

/// An exclusive lock of a file, held by this process until released or ended in whatever way.
final class FileLock {
    private let descriptor: Int32

    /// Waits for the lock.
    init(path: String) throws(CommandFailure) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OutputFile.failure(path) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                close(descriptor)
                throw OutputFile.failure(path)
            }
        }
    }

    func release() { close(descriptor) }
}

extension CommandFailure {
    init(_ error: AgentError) {
        let status: Status =
            switch error.code {
            case .usage, .configuration: .usage
            case .unavailable: .unavailable
            case .file, .input, .refused, .notEnrolled: .refused
            }
        self.init(status, error.code.rawValue, error.description)
    }
}
