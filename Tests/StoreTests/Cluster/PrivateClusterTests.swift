import Patience
import Testing

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// One after the other: a dozen of servers that are made at once hold up everything else.
@Suite(.serialized) struct PrivateClusterTests {
    private func start(_ path: String) async throws -> PrivateCluster {
        try await PrivateCluster.start(
            dataDirectory: path, settings: ClusterSettings(sharedBuffersMegabytes: 128), logger: TestCluster.logger)
    }

    private func count(_ cluster: PrivateCluster) throws -> Int64 {
        try Connection(cluster.administratorTarget()).query("SELECT count(*) FROM public.t").get(0, 0)
    }

    /// Retries while the server is being restarted; the pool's patience does the waiting.
    private func eventually(_ cluster: PrivateCluster) async throws -> Int64 {
        let pool = try ConnectionPool(
            cluster.administratorTarget(), limits: .init(connections: 1, waiting: 4, patienceSeconds: 60))
        return try await pool.run { connection throws(StoreError) in
            try connection.query("SELECT count(*) FROM public.t").get(0, 0)
        }
    }

    @Test func isMadeStartedStoppedAndStartedAgain() async throws {
        let directory = TemporaryDirectory()
        let cluster = try await start(directory.path)
        #expect(cluster.isHealthy)
        let connection = try Connection(cluster.administratorTarget())
        #expect(try connection.query("SHOW data_checksums").get(0, 0) as String == "on")
        #expect(try connection.query("SHOW fsync").get(0, 0) as String == "on")
        #expect(try connection.query("SHOW server_encoding").get(0, 0) as String == "UTF8")
        #expect(try connection.query("SHOW listen_addresses").get(0, 0) as String == "")
        try connection.query("CREATE TABLE public.t AS SELECT 1")
        let socket = try #require(FileFacts("\(directory.path)/postgres-socket"))
        #expect(socket.permissions == 0o700)
        await cluster.stop()
        #expect(!cluster.isHealthy && cluster.processIdentifier == 0)
        let again = try await start(directory.path)
        #expect(try count(again) == 1)
        await again.stop()
        await again.stop()
    }

    @Test func isRestartedWhenItIsKilled() async throws {
        let directory = TemporaryDirectory()
        let cluster = try await start(directory.path)
        try Connection(cluster.administratorTarget()).query("CREATE TABLE public.t AS SELECT 1")
        let killed = cluster.processIdentifier
        kill(killed, SIGKILL)
        #expect(try await eventually(cluster) == 1)
        #expect(cluster.processIdentifier != killed && cluster.restarts >= 1)
        await cluster.stop()
    }

    @Test func anotherAggregatorIsRefusedByName() async throws {
        let directory = TemporaryDirectory()
        let cluster = try await start(directory.path)
        await #expect { _ = try await start(directory.path) } throws: { error in
            (error as? StoreError)?.description.contains("is in use by the process \(getpid())") == true
        }
        await cluster.stop()
    }

    @Test func anOrphanIsEndedAndItsDataKept() async throws {
        let directory = TemporaryDirectory()
        let first = try await start(directory.path)
        try Connection(first.administratorTarget()).query("CREATE TABLE public.t AS SELECT 1")
        await first.stop()
        // A server that no aggregator supervises, as one leaves behind that lost its parent.
        let home = ClusterDirectory(parent: Files.canonical(directory.path) ?? "")
        let user = try ServerUser.choose(for: home)
        let programs = try ServerPrograms.find(in: .ambient, wanted: nil, as: user)
        let socket = try SocketDirectory.make(for: home, as: user)
        let started = try ChildProcess.run(
            "/bin/sh",
            [
                "-c", "\"$0\" \"$@\" </dev/null >/dev/null 2>&1 & exec \"$0\" --version", programs.postgres,
            ] + ClusterSettings.arguments(home, socket), as: user, in: home.path)
        #expect(started.status == 0)
        // Waits until it is up.
        let location = "host=\(socket.path) port=\(SocketDirectory.port) dbname=wattest"
        let pool = try ConnectionPool(
            ConnectionTarget(location: location, user: ClusterCreation.administrator),
            limits: .init(connections: 1, waiting: 4, patienceSeconds: 60))
        try await pool.run { connection throws(StoreError) in _ = try connection.query("SELECT 1") }
        let orphans = ServerProcesses(directory: home).running()
        let second = try await start(directory.path)
        #expect(try count(second) == 1)
        #expect(orphans.count > 1 && !orphans.contains(second.processIdentifier))
        #expect(Set(orphans).isDisjoint(with: ServerProcesses(directory: home).running()))
        await second.stop()
        // The orphans belonged to nobody: it is init that collects what is left of them, in its own time.
        try await Patience.until("the end of the orphans") {
            ServerProcesses(directory: home).running().isEmpty ? () : nil
        }
    }

    @Test func aForeignProcessInThePidFileIsNoObstacle() async throws {
        let directory = TemporaryDirectory()
        let first = try await start(directory.path)
        try Connection(first.administratorTarget()).query("CREATE TABLE public.t AS SELECT 1")
        await first.stop()
        let path = "\(directory.path)/postgres/postmaster.pid"
        let text = Array("\(getppid())\n\(directory.path)/postgres\n0\n5439\n\n\n".utf8)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(write(descriptor, text, text.count) == text.count)
        close(descriptor)
        let second = try await start(directory.path)
        #expect(try count(second) == 1)
        await second.stop()
    }

    @Test func childrenDieWithTheThreadThatStartedThem() async throws {
        let user = ServerUser(
            name: "self", user: geteuid(), group: getegid(), groups: [getegid()], home: "/tmp", isOther: false)
        let child = await withCheckedContinuation { (answer: CheckedContinuation<ChildProcess?, Never>) in
            try? DedicatedThread.start("short-lived") {
                let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
                answer.resume(
                    returning: try? ChildProcess.start(
                        "/bin/sleep", ["3600"], as: user, in: "/", output: null, deathSignal: SIGINT))
                close(null)
            }
        }
        #expect(try #require(child).wait() == 128 + SIGINT)
    }

    @Test func somethingElseInTheDirectoryIsLeftAlone() async throws {
        let directory = TemporaryDirectory()
        mkdir("\(directory.path)/postgres", 0o700)
        mkdir("\(directory.path)/postgres/photographs", 0o700)
        await #expect { _ = try await start(directory.path) } throws: { error in
            (error as? StoreError)?.message.hasSuffix("is not empty and not a PostgreSQL cluster") == true
        }
        #expect(Files.names(in: "\(directory.path)/postgres") == ["photographs"])
    }

    @Test func anotherMajorVersionIsRefused() async throws {
        let directory = TemporaryDirectory()
        mkdir("\(directory.path)/postgres", 0o700)
        let descriptor = open("\(directory.path)/postgres/PG_VERSION", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(write(descriptor, "12\n", 3) == 3)
        close(descriptor)
        await #expect { _ = try await start(directory.path) } throws: { error in
            (error as? StoreError)?.description.contains("install postgresql-12") == true
        }
    }

    @Test func anInterruptedInitdbIsBegunAnew() async throws {
        let directory = TemporaryDirectory()
        mkdir("\(directory.path)/postgres.new", 0o700)
        mkdir("\(directory.path)/postgres.new/base", 0o700)
        let cluster = try await start(directory.path)
        #expect(FileFacts("\(directory.path)/postgres.new") == nil)
        await cluster.stop()
    }

    @Test(.enabled(if: geteuid() == 0, "only root runs the server as another user"))
    func aBarredParentIsNamed() async throws {
        let directory = TemporaryDirectory()
        chmod(directory.path, 0o700)
        mkdir("\(directory.path)/data", 0o711)
        await #expect { _ = try await start("\(directory.path)/data") } throws: { error in
            (error as? StoreError)?.message.hasSuffix("cannot enter \(directory.path)") == true
        }
    }

    @Test func longDirectoriesGetAShortSocket() async throws {
        let directory = TemporaryDirectory()
        let long = "\(directory.path)/" + String(repeating: "a", count: 120)
        let cluster = try await start(long)
        try Connection(cluster.administratorTarget()).query("CREATE TABLE public.t AS SELECT 1")
        #expect(try count(cluster) == 1)
        await cluster.stop()
    }

    @Test func socketPathsStayWithinTheirBound() {
        #expect(SocketDirectory.fits("/tmp/" + String(repeating: "a", count: 88)))
        #expect(!SocketDirectory.fits("/tmp/" + String(repeating: "a", count: 89)))
        #expect(!SocketDirectory.fits("/tmp/a b") && !SocketDirectory.fits("/tmp/a,b"))
    }
}
