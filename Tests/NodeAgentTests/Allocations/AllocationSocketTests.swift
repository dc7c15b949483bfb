import Glibc
import Synchronization
import Testing

@testable import NodeAgent

@Suite struct AllocationSocketTests {
    private static let handlers = AllocationHandlers(
        begin: { _, _, _ in .success("pseudonym") }, progress: { _, _ in }, end: { _ in })

    /// When the system has no descriptor left, the connection goes on waiting and is announced again and again.
    @Test func aConnectionThatCannotBeTakenKeepsNoProcessorBusy() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let refusals = Mutex<[Int64]>([])
            let path = directory + "/agent.sock"
            let socket = try AllocationSocket(path: path, site: "hall", handlers: Self.handlers) { listener in
                let count = refusals.withLock { times in
                    times.append(AgentEnvironment.bootNanoseconds())
                    return times.count
                }
                // The second time there are descriptors again.
                guard count < 2 else { return UnixSocket.accept(listener) }
                errno = EMFILE
                return nil
            }
            socket.start()
            defer { socket.stop() }
            let client = try #require(UnixSocket.connect(to: path))
            defer { close(client) }
            #expect(UnixSocket.send(Array("begin a\n".utf8), to: client))
            // The answer comes after the rest.
            #expect(UnixSocket.line(from: client) == "ok pseudonym")
            let times = refusals.withLock { $0 }
            #expect(times.count == 2)
            let rest = try #require(times.last) - times[0]
            #expect(rest >= (AllocationSocket.restMilliseconds - 1) * 1_000_000)
        }
    }
}
