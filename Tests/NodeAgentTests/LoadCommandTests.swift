import Glibc
import Testing

@testable import NodeAgent

@Suite struct LoadCommandTests {
    private func waitUntilOver(_ load: LoadCommand) async throws {
        // Generous: the shell has one line to run.
        for _ in 0..<3000 where !load.isOver { try await Task.sleep(for: .milliseconds(10)) }
        #expect(load.isOver)
    }

    @Test(
        arguments: [("exit 3", 3), ("/nonexistent/load", 127), ("kill -9 $$", 137), ("true", 0)] as [(String, Int32)])
    func aLoadThatEndedByItselfTellsItsStatus(command: String, status: Int32) async throws {
        let load = try #require(LoadCommand(command))
        try await waitUntilOver(load)
        let outcome = load.end()
        #expect(outcome == .over(status: status))
        #expect(GPUTrial.check(outcome).isPassed == (status == 0))
    }

    @Test func aLoadThatHeedsNoSignalEnds() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let ready = directory + "/ready"
            let load = try #require(
                LoadCommand("trap '' TERM INT HUP; sleep 600 & echo $! > \(ready).new; mv \(ready).new \(ready); wait"))
            while access(ready, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
            let child = try #require(
                (try DurableFile.read(ready, maximumBytes: 64)).flatMap {
                    Int32(String(decoding: $0.dropLast(), as: UTF8.self))
                })
            let outcome = load.end(patienceMilliseconds: 100)
            #expect(outcome == .ran && GPUTrial.check(outcome).isPassed)
            // The child belongs to init now, which may take a moment to reap it: a zombie is dead too.
            var isDead = false
            for _ in 0..<3000 where !isDead {
                isDead = kill(child, 0) != 0 || Self.isZombie(child)
                if !isDead { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(isDead)
        }
    }

    private static func isZombie(_ process: Int32) -> Bool {
        guard let text = try? DurableFile.read("/proc/\(process)/stat", maximumBytes: 4096) else { return true }
        return String(decoding: text, as: UTF8.self).contains(") Z ")
    }

    /// Threads of the agent block the signals that end it.
    @Test func aLoadInheritsNoBlockedSignal() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let file = directory + "/mask"
            let load = try #require(Self.withBlockedSignals { LoadCommand("grep ^SigBlk /proc/self/status > \(file)") })
            try await waitUntilOver(load)
            #expect(load.end() == .over(status: 0))
            let text = try #require(try DurableFile.read(file, maximumBytes: 4096))
            #expect(String(decoding: text, as: UTF8.self).split(separator: "\t").last == "0000000000000000\n")
        }
    }

    private static func withBlockedSignals<Value>(_ body: () -> Value) -> Value {
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return body()
    }

    @Test func aLoadThatCannotBeStartedFails() {
        #expect(!GPUTrial.check(nil).isPassed)
    }
}
