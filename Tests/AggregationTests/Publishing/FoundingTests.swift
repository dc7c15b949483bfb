import Aggregation
import Batches
import Energy
import SeededRandom
import Synchronization
import Testing
import TransparencyLog

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An organization is founded once, whoever tries and whatever dies on the way: its keys on disk are those of its
/// genesis entry.
@Suite(.timeLimit(.minutes(4))) struct FoundingTests {
    private struct Crash: Error {}

    private let installation: Installation
    private let clock: ServiceClock

    init() throws {
        var template = Array("/tmp/wattest-founding-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        installation = Installation(directory: directory)
        let random = Mutex(SeededRandom(seed: 3))
        clock = ServiceClock(
            now: { UTCTime(microseconds: 1_790_000_000_000_000) },
            random: { count in random.withLock { $0.bytes(count) } })
    }

    private func found(_ pool: ConnectionPool, crash: (FoundingStep) throws -> Void = { _ in }) async throws
        -> Organization
    {
        try await Founding.foundOrganization(
            name: "Beta", slug: "beta", site: "north", host: "log.example", installation: installation, pool: pool,
            clock: clock, crash: crash)
    }

    /// The log opens, and the keys on disk are those that its first entry names.
    private func expectWhole(_ organization: Organization, _ pool: ConnectionPool) async throws {
        let intake = try await LogDatabase(log: organization.log, pool: pool).intake(origin: organization.origin)
        let keys = try LogKeys(directory: installation.logDirectory("beta"))
        #expect(intake.signers.administrationKey == keys.administration.verifier)
        #expect(intake.signers.logKey == keys.log.verifier)
        #expect(try await Founding.size(of: organization.log, pool) == 2)
        let signer = "\(installation.logDirectory("beta"))/signer"
        #expect(try CheckpointSigner.state(origin: organization.origin, path: signer) == .empty)
    }

    @Test(arguments: FoundingStep.allCases) func aCrashIsFollowedByTheRest(step: FoundingStep) async throws {
        defer { Files.removeTree(installation.directory) }
        let pool = try await TestDatabases.make()()
        await #expect(throws: Crash.self) {
            try await found(pool) { if $0 == step { throw Crash() } }
        }
        var founded: Organization?
        do {
            founded = try await found(pool)
            #expect(step != .entries)
        } catch FoundingError.exists(let organization) {
            #expect(step == .entries)
            founded = organization
        }
        try await expectWhole(try #require(founded), pool)
        await pool.close()
    }

    /// Two processes have a pool and a lock each; a file's lock does not tell them from two tasks.
    @Test func whoComesSecondChangesNothing() async throws {
        defer { Files.removeTree(installation.directory) }
        let connect = try await TestDatabases.make()
        let pools = try (0..<4).map { _ in try connect() }
        let results = await withTaskGroup(
            of: Result<Organization, any Error>.self, returning: [Result<Organization, any Error>].self
        ) { group in
            for pool in pools {
                group.addTask {
                    do {
                        return .success(try await found(pool))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let founded = results.compactMap { try? $0.get() }
        #expect(founded.count == 1, "\(results)")
        for case .failure(let error) in results { #expect(error is FoundingError, "\(error)") }
        try await expectWhole(try #require(founded.first), pools[0])
        for pool in pools { await pool.close() }
    }

    /// A database that was emptied must not cost the keys of the log that it held.
    @Test func keysThatHaveSignedAreKept() async throws {
        defer { Files.removeTree(installation.directory) }
        let pool = try await TestDatabases.make()()
        let founded = try await found(pool)
        let directory = installation.logDirectory("beta")
        let head = TreeHead(size: 2, root: .leaf(of: [1]))
        try CheckpointSigner.adopt(head, origin: founded.origin, path: "\(directory)/signer")
        let keys = try LogKeys(directory: directory).verifiers
        let empty = try await TestDatabases.make()()
        await #expect(throws: FoundingError.hasSigned(directory: directory, size: 2)) { try await found(empty) }
        #expect(try LogKeys(directory: directory).verifiers == keys)
        await pool.close()
        await empty.close()
    }
}
