import Batches
import Energy
import Glibc
import JSONText
import Synchronization
import Testing

@testable import NodeAgent

/// The whole agent over trees of the test's own: `wattest exec` in the first moment of a step.
@Suite struct ClaimInJobTests {
    private static func write(_ path: String, _ text: String) {
        ChildProcess.makeTree(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    /// This process in a step that begins now.
    private static func beginStep(_ directory: String) {
        let pid = getpid()
        let process = directory + "/proc/\(pid)"
        let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
        write(process + "/stat", "\(pid) (a) S 1 \(zeros) 300 0\n")
        write(process + "/environ", "SLURM_JOB_ID=5\0SLURM_CLUSTER_NAME=alps\0SLURM_PROCID=0\0")
        write(process + "/cgroup", "0::/system.slice/slurmstepd.scope/job_5/step_0/user/task_0\n")
        let step = directory + "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_5/step_0/user/task_0"
        write(step + "/cgroup.procs", "\(pid)\n")
    }

    private final class Outcome<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }

    /// A node with one still counter, and a log that it is enrolled in.
    private struct Node: Sendable {
        let directory: String
        let aggregator: FakeAggregator
        let enrolment: Enrolment

        /// Runs its agent for as long as the body lasts.
        func withAgent<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
            let outcome = Outcome<Value>()
            var sources = NodeSources(sysfsRoot: directory + "/sys")
            sources.procfsRoot = directory + "/proc"
            var configuration = LiveAgent.Configuration(
                intervalSeconds: 5, socketPath: directory + "/s", sources: sources)
            configuration.hookDirectory = directory + "/hooks"
            configuration.slurmDirectory = directory + "/bin"
            try await aggregator.run { [configuration] address in
                let agent = try LiveAgent(
                    enrolment, configuration: configuration, client: { try aggregator.client("n1", address) },
                    report: { _ in })
                try await agent.run {
                    let result: Result<Value, any Error>
                    do {
                        while !agent.isConnected { try await AgentEnvironment.pause(milliseconds: 20) }
                        result = .success(try await body())
                    } catch {
                        result = .failure(error)
                    }
                    outcome.result.withLock { $0 = result }
                }
            }
            return try #require(outcome.result.withLock { $0 }).get()
        }
    }

    private func withNode<Value: Sendable>(_ body: (Node) async throws -> Value) async throws -> Value {
        try await ChildProcess.withDirectoryAsync { directory in
            let zone = directory + "/sys/class/powercap/intel-rapl:0"
            for (name, text) in [("name", "package-0"), ("energy_uj", "1000"), ("max_energy_range_uj", "262143328850")]
            {
                Self.write(zone + "/" + name, text + "\n")
            }
            Self.write(directory + "/proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n")
            ChildProcess.makeTree(directory + "/hooks")
            let aggregator = try FakeAggregator()
            return try await body(
                Node(directory: directory, aggregator: aggregator, enrolment: aggregator.enrolment(in: directory)))
        }
    }

    private func withAgent<Value: Sendable>(
        _ body: @escaping @Sendable (_ directory: String, FakeAggregator) async throws -> Value
    ) async throws -> Value {
        try await withNode { node in
            try await node.withAgent { try await body(node.directory, node.aggregator) }
        }
    }

    @Test(.timeLimit(.minutes(5))) func aSchedulersIdWinsFromTheFirstMoment() async throws {
        let (keys, aggregator) = try await withAgent { directory, aggregator -> ([String], FakeAggregator) in
            Self.beginStep(directory)
            let claim = try SocketClaim(path: directory + "/s", job: "mine", options: [("label.model", "atlas")])
            while (aggregator.entries { try JobEntry(text: $0) }).isEmpty {
                try await AgentEnvironment.pause(milliseconds: 50)
            }
            var keys: [String] = []
            while keys.isEmpty {
                let jobs = (try? AgentStatus.ask(path: directory + "/s"))?["jobs"]?.array ?? []
                keys = jobs.compactMap { $0["key"]?.string }
                try await AgentEnvironment.pause(milliseconds: 50)
            }
            try claim.end()
            return (keys, aggregator)
        }
        let records = aggregator.state.entries.compactMap { try? JobRecord(text: $0.samples) }
        #expect(keys == ["alps/slurm/5@-"])
        #expect(Set(records.map(\.key.description)) == ["alps/slurm/5@-"])
        #expect(records.last?.labels["model"] == "atlas")
    }

    /// A prolog that ran since the last look, and another program that claims the node: the claim's cut lies behind.
    @Test(.timeLimit(.minutes(5))) func aClaimsCutTakesNothingFromAHoldThatBeganBeforeIt() async throws {
        let (window, held) = try await withAgent { directory, aggregator -> (Int64, Int64) in
            let job = Pseudonym.of(jobKey: "alps/slurm/5@-", salt: aggregator.jobSalt)
            func entry(_ event: JobEntry.Event) async throws -> JobEntry {
                while true {
                    let told = aggregator.entries { try JobEntry(text: $0) }
                    if let entry = told.first(where: { $0.job == job && $0.event == event }) { return entry }
                    try await AgentEnvironment.pause(milliseconds: 50)
                }
            }
            func hook(_ context: String) {
                let words = ["wattest-hook/1", context, "SLURM_JOB_ID=5", "SLURM_CLUSTER_NAME=alps", "end"]
                let path = directory + "/hooks/5.\(context)"
                Self.write(path, words.map { $0 + "\0" }.joined())
                rename(path, path + ".hook")
            }
            hook("prolog_slurmd")
            // The time that was lost; mostly no look of the agent falls into it.
            try await AgentEnvironment.pause(milliseconds: 100)
            let claim = try SocketClaim(path: directory + "/s", job: "mine")
            let begun = try await entry(.start)
            hook("epilog_slurmd")
            let ended = try await entry(.end)
            let (start, stop) = (try #require(begun.start), try #require(ended.stop))
            while !aggregator.batches.contains(where: { $0.facts.interval.end >= stop }) {
                try await AgentEnvironment.pause(milliseconds: 50)
            }
            try claim.end()
            var held: Int64 = 0
            for batch in aggregator.batches {
                guard let line = batch.facts.allocations.first(where: { $0.job == job }) else { continue }
                held += (line.heldNanoseconds ?? batch.facts.durationNanoseconds) / 1000
            }
            return (stop.microseconds - start.microseconds, held)
        }
        // UTC may be slewed against the clock that measures.
        #expect(window > 0 && (window - held).magnitude < 20_000, "\(window) µs held, \(held) µs in batches")
    }

    /// The agent is stopped before the controller has told what the job is, and asks again when it is started.
    @Test(.timeLimit(.minutes(5))) func aJobWithoutItsNameIsNotNamedByAStop() async throws {
        try await withNode { node in
            let (directory, aggregator) = (node.directory, node.aggregator)
            let step = directory + "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_5/step_0/user/task_0"
            Self.write(step + "/cgroup.procs", "41\n")
            try await node.withAgent {
                var isHeld = false
                while !isHeld {
                    try await AgentEnvironment.pause(milliseconds: 50)
                    let jobs = (try? AgentStatus.ask(path: directory + "/s"))?["jobs"]?.array ?? []
                    isHeld = !jobs.isEmpty
                }
            }
            #expect((aggregator.entries { try JobEntry(text: $0) }).isEmpty)
            let job = "JobId=5 JobName=j UserId=a(1) Account=acme SubmitTime=9 NodeList=n1 NumNodes=1 OverSubscribe=OK"
            Self.write(
                directory + "/bin/scontrol",
                "#!/bin/sh\ncase \"$*\" in *config*) echo 'ClusterName = alps';; *) echo '\(job)';; esac\n")
            chmod(directory + "/bin/scontrol", 0o755)
            try await node.withAgent {
                while (aggregator.entries { try JobEntry(text: $0) }).isEmpty {
                    try await AgentEnvironment.pause(milliseconds: 50)
                }
            }
            let records = aggregator.state.entries.compactMap { try? JobRecord(text: $0.samples) }
            #expect(Set(records.map(\.key.description)) == ["alps/slurm/5@9"])
        }
    }
}
