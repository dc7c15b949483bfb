import Glibc
import Patience
import Testing

@testable import NodeAgent

@Suite struct LoadCommandTests {
    private func waitUntilOver(_ load: LoadCommand) async throws {
        try await Patience.until("the end of the load") { load.isOver ? () : nil }
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

    /// A load that heeds no signal, and the number of its child.
    private func stubbornLoad(_ directory: String) async throws -> (load: LoadCommand, child: pid_t) {
        let ready = directory + "/ready"
        let load = try #require(
            LoadCommand(
                "trap '' TERM INT HUP; sleep 600 & echo $! > \(ready).new; mv \(ready).new \(ready); wait",
                patienceSeconds: 0))
        let child = try await Patience.until("the load's first word") {
            try DurableFile.read(ready, maximumBytes: 64).flatMap {
                Int32(String(decoding: $0.dropLast(), as: UTF8.self))
            }
        }
        return (load, child)
    }

    /// The child of a load that ended belongs to init, which may take a moment to reap it: a zombie is dead too.
    private func waitUntilDead(_ child: pid_t) async throws {
        try await Patience.until("the end of the load's child") {
            kill(child, 0) != 0 || Self.isZombie(child) ? () : nil
        }
    }

    @Test func aLoadThatHeedsNoSignalEnds() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let (load, child) = try await stubbornLoad(directory)
            let outcome = load.end()
            #expect(outcome == .ran && GPUTrial.check(outcome).isPassed)
            try await waitUntilDead(child)
        }
    }

    /// What the kernel does when it ends this program: `end` is never called.
    @Test func aLoadEndsWithTheProgramThatStartedIt() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let (load, child) = try await stubbornLoad(directory)
            close(load.lifeline)
            try await waitUntilOver(load)
            try await waitUntilDead(child)
            // The watcher and the load, which are this program's own children.
            for _ in 0..<2 { #expect(waitpid(-load.watcher, nil, 0) > 0) }
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
