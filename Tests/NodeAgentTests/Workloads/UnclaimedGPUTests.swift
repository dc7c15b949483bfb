import Batches
import Energy
import Glibc
import Testing
import Workloads

@testable import NodeAgent

/// The whole agent beside a stub of libnvidia-ml: a process that nobody claims works on a board.
@Suite struct UnclaimedGPUTests {
    /// A stub of the driver's library, compiled for the test.
    private struct Stub {
        let path: String
        private let handle: UInt

        typealias Set = @convention(c) (UInt32, UnsafePointer<CChar>, UnsafePointer<CChar>, UInt32) -> Void

        init?(_ directory: String) {
            let library = directory + "/libnvidia-ml.so.1"
            let tests = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
            let source = tests + "/SensorsTests/Fixtures/fake_nvml.c"
            let command = CommandOutput(path: "/usr/bin/env", environment: ["TMPDIR": directory])
            let compilers = ["cc", "clang", "gcc"]
            guard
                compilers.contains(where: {
                    command.read([$0, "-shared", "-fPIC", "-O1", "-o", library, source]) != nil
                })
            else { return nil }
            path = library
            handle = UInt(bitPattern: dlopen(library, RTLD_NOW))
            guard handle != 0 else { return nil }
        }

        func call(_ name: String, _ board: UInt32, _ first: String, _ second: String, _ number: UInt32) {
            let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: handle), name)
            unsafeBitCast(symbol, to: Set.self)(board, first, second, number)
        }
    }

    /// A process that sleeps, in a process group of its own, as a shell starts a program.
    private func sleeper() throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var words: [UnsafeMutablePointer<CChar>?] = (["/bin/sleep", "300"] as [String]).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        try #require(posix_spawn(&process, "/bin/sleep", nil, &attributes, &words, environ) == 0)
        return process
    }

    @Test(.timeLimit(.minutes(5))) func itsGroupBecomesAJobThatHoldsTheBoard() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let stub = try #require(Stub(directory), "no C compiler")
            let process = try sleeper()
            defer {
                kill(process, SIGKILL)
                waitpid(process, nil, 0)
            }
            stub.call("fake_set", 0, "GPU-a", "NVIDIA H100 80GB HBM3", 700_000)
            stub.call("fake_set", 1, "GPU-b", "NVIDIA H100 80GB HBM3", 700_000)
            stub.call("fake_process", 1, "", "", UInt32(process))
            var sources = NodeSources(sysfsRoot: directory + "/sys")
            sources.nvmlLibrary = stub.path
            let aggregator = try FakeAggregator()
            let enrolment = try aggregator.enrolment(in: directory)
            let configuration = LiveAgent.Configuration(
                intervalSeconds: 5, socketPath: directory + "/s", sources: sources)
            try await aggregator.run { address in
                let agent = try LiveAgent(
                    enrolment, configuration: configuration, client: { try aggregator.client("n1", address) },
                    report: { _ in })
                try await agent.run {
                    // Until a batch shows the hold; then the process ends, and the hold with it.
                    while !aggregator.batches.contains(where: Self.holdsBoard) {
                        try? await AgentEnvironment.pause(milliseconds: 50)
                    }
                    kill(process, SIGKILL)
                    while (aggregator.entries { try JobEntry(text: $0) }).last?.event != .end {
                        try? await AgentEnvironment.pause(milliseconds: 50)
                    }
                }
            }
            let record = try #require(aggregator.state.entries.compactMap { try? JobRecord(text: $0.samples) }.first)
            #expect(record.key.scheduler == "process" && record.key.id.hasPrefix("n1-\(process)-"))
            #expect(record.labels["claim.uid"] == "\(getuid())")
            let holds = aggregator.batches.flatMap(\.facts.allocations)
            #expect(holds.allSatisfy { $0.job == record.pseudonym })
            #expect(Set(holds.flatMap { $0.devices.map(\.sensor) }) == ["nvml:GPU-b"])
        }
    }

    private static func holdsBoard(_ batch: Batch) -> Bool {
        batch.facts.allocations.contains { $0.devices.map(\.sensor) == ["nvml:GPU-b"] }
    }
}
