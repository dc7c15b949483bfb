import Testing

@testable import NodeAgent

/// The comparison of GPUs' counters in the self-test, beside a stub of libnvidia-ml whose counters stand still.
@Suite struct GPUTrialTests {
    private func checks(_ command: String?) throws -> [AgentSelfTest.Check] {
        try ChildProcess.withDirectory { directory in
            let stub = try #require(GPULibraryStub(directory), "no C compiler")
            stub.call("fake_set", 0, "GPU-a", "NVIDIA H100 80GB HBM3", 700_000)
            var sources = NodeSources(sysfsRoot: directory + "/sys")
            sources.nvmlLibrary = stub.path
            return GPUTrial(sources: sources, trial: .init(idleSeconds: 0, loadSeconds: 1, loadCommand: command)).run()
        }
    }

    @Test(
        arguments: [
            (nil, true, "what ran anyway"), ("exec sleep 300", true, "ran throughout"),
            ("exit 3", false, "ended with status 3"), ("kill -9 $$", false, "ended with status 137"),
            ("true", true, "ended with status 0"),
        ] as [(String?, Bool, String)])
    func aLoadThatFailedIsSaid(command: String?, isPassed: Bool, words: String) throws {
        let check = try #require(try checks(command).last)
        #expect(check.name == "gpu load")
        #expect(check.isPassed == isPassed && check.detail.contains(words), "\(check)")
    }

    @Test func aCounterThatStandsStillFails() throws {
        let check = try #require(try checks(nil).first)
        #expect(!check.isPassed && check.name == "gpu GPU-a load", "\(check)")
        #expect(check.detail.contains("the counter stood still"), "\(check)")
    }
}
