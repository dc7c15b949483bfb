import Foundation
import Identity
import JSONText
import Patience
import Synchronization
import Testing

/// An aggregator with its private database in a directory of its own: made, started, killed and started again.
final class AggregatorUnderTest: Sendable {
    struct Addresses: Sendable {
        var server: NetworkAddress
        var ingest: NetworkAddress
    }

    let directory: TestDirectory
    let installation: String
    private let process = Mutex<ChildProcess?>(nil)
    private let bound = Mutex<Addresses?>(nil)
    private let environment: [String: String]

    /// - Parameters:
    ///   - arguments: more words for `init`.
    ///   - environment: more variables of each of its processes.
    init(_ arguments: [String] = [], environment: [String: String] = [:]) async throws {
        TestDirectory.removeForsaken()
        directory = try TestDirectory()
        installation = "\(directory.path)/aggregator"
        self.environment = environment
        let made = try await ChildProcess(
            .aggregator,
            [
                "init", "--data-dir", installation, "--organization", "First", "--site", "hall-1", "--origin-host",
                "cluster.test", "--json",
            ] + arguments, environment: environment, directory: directory.path
        ).output(seconds: 120)
        try #require(made.status == 0, "\(made.errors)")
    }

    var addresses: Addresses {
        get throws { try #require(bound.withLock { $0 }) }
    }

    var authority: IdentityCertificate {
        get throws { try IdentityCertificate(pem: PrivateFile.read("\(installation)/ca.pem")) }
    }

    var operatorToken: String {
        get throws {
            let text = String(decoding: try PrivateFile.readSecret("\(installation)/admin.token"), as: UTF8.self)
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// Starts it; a second time on the ports of the first, because its nodes know those.
    func start() async throws {
        let ready = "\(directory.path)/ready.json"
        try? FileManager.default.removeItem(atPath: ready)
        let known = bound.withLock { $0 }
        let child = try ChildProcess(
            .aggregator,
            [
                "serve", "--data-dir", installation, "--http", known?.server.description ?? "127.0.0.1:0", "--ingest",
                known?.ingest.description ?? "127.0.0.1:0", "--ready-file", ready, "--checkpoint-seconds", "1",
            ], environment: environment.merging(["WATTEST_ORIGIN_HOST": "cluster.test"]) { $1 },
            directory: directory.path)
        process.withLock { $0 = child }
        let text = try await Patience.until("the aggregator's ready file", seconds: 120) { () throws -> String? in
            if let status = child.poll() {
                throw ChildProcess.Failure(description: "the aggregator ended with \(status): \(child.errors)")
            }
            return FileManager.default.contents(atPath: ready).map { String(decoding: $0, as: UTF8.self) }
        }
        let json = try JSONValue(parsing: Array(text.utf8))
        #expect(json["pid"]?.int64 == Int64(child.pid))
        let server = try #require(json["server"]?.string.flatMap { NetworkAddress(String($0.dropFirst(8))) })
        let ingest = try #require(json["ingest"]?.string.flatMap { NetworkAddress($0) })
        bound.withLock { $0 = Addresses(server: server, ingest: ingest) }
    }

    /// As if the machine had lost it: no word to anyone, no file closed.
    func kill9() async throws {
        guard let child = process.withLock({ $0.take() }) else { return }
        try await child.kill9()
    }

    /// Kills the database's main process; the aggregator starts another.
    ///
    /// - Returns: its number.
    @discardableResult
    func killDatabase() throws -> pid_t {
        let pid = try #require(database)
        kill(pid, SIGKILL)
        return pid
    }

    /// The database's main process.
    var database: pid_t? {
        let file = FileManager.default.contents(atPath: "\(installation)/postgres/postmaster.pid")
        return file.flatMap { pid_t(String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) }
    }

    /// Asks it to end in order.
    func stop() async throws {
        guard let child = process.withLock({ $0.take() }) else { return }
        child.send(SIGTERM)
        let output = try await child.output(seconds: 60)
        #expect(output.status == 0, "\(output.errors)")
    }

    var said: String { process.withLock { $0?.errors ?? "" } }
}

/// Gives the tests of a suite one aggregator, and takes it away when the last has ended, however.
struct AggregatorTrait: SuiteTrait, TestScoping {
    @TaskLocal static var current: AggregatorUnderTest?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let aggregator = try await AggregatorUnderTest()
        try await aggregator.start()
        do {
            try await Self.$current.withValue(aggregator, operation: function)
        } catch {
            try? await aggregator.kill9()
            throw error
        }
        try await aggregator.stop()
    }
}

extension Trait where Self == AggregatorTrait {
    static var aggregator: AggregatorTrait { AggregatorTrait() }
}
