import Batches
import Glibc
import Identity
import JSONText
import Synchronization
import Testing
import TransparencyLog

@testable import NodeAgent

/// The whole agent over trees of the test's own: `wattest exec` in the first moment of a step.
@Suite struct ClaimInJobTests {
    private static func write(_ path: String, _ text: String) {
        ChildProcess.makeTree(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    /// Keys of the jobs that the agent says it holds the node for.
    private final class Held: Sendable {
        let keys = Mutex<[String]>([])
    }

    private func enrolment(_ directory: String, _ aggregator: FakeAggregator) throws -> Enrolment {
        let (incarnation, leaf) = aggregator.enrol("n1")
        let reply: String = """
            {"log": "\(FakeAggregator.origin)", "log_vkey": "\(aggregator.logKey.verifier.text)", "node": "n1",
             "site": "s", "ingest": "127.0.0.1:1", "incarnation": "\(incarnation)", "leaf": "\(leaf.base64)",
             "job_salt": "\(Base64.encode(aggregator.jobSalt))", "interval_seconds": 5}
            """
        return Enrolment(
            directory: directory, role: .node, server: "", reply: try EnrolmentReply(parsing: Array(reply.utf8)),
            signingKey: try SigningKey(name: "n1", seed: Array(repeating: 5, count: 32)),
            authority: aggregator.authority.certificate)
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

    @Test(.timeLimit(.minutes(5))) func aSchedulersIdWinsFromTheFirstMoment() async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let zone = directory + "/sys/class/powercap/intel-rapl:0"
            for (name, text) in [("name", "package-0"), ("energy_uj", "1000"), ("max_energy_range_uj", "262143328850")]
            {
                Self.write(zone + "/" + name, text + "\n")
            }
            Self.write(directory + "/proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n")
            let aggregator = try FakeAggregator()
            let enrolment = try enrolment(directory, aggregator)
            var sources = NodeSources(sysfsRoot: directory + "/sys")
            sources.procfsRoot = directory + "/proc"
            var configuration = LiveAgent.Configuration(
                intervalSeconds: 5, socketPath: directory + "/s", sources: sources)
            configuration.hookDirectory = directory + "/hooks"
            configuration.slurmDirectory = directory + "/bin"
            let held = Held()
            try await aggregator.run { [configuration] address in
                let agent = try LiveAgent(
                    enrolment, configuration: configuration, client: { try aggregator.client("n1", address) },
                    report: { _ in })
                try await agent.run {
                    while !agent.isConnected { try? await AgentEnvironment.pause(milliseconds: 20) }
                    Self.beginStep(directory)
                    let claim = try? SocketClaim(
                        path: directory + "/s", job: "mine", options: [("label.model", "atlas")])
                    while (aggregator.entries { try JobEntry(text: $0) }).isEmpty {
                        try? await AgentEnvironment.pause(milliseconds: 50)
                    }
                    while held.keys.withLock({ $0.isEmpty }) {
                        let jobs = (try? AgentStatus.ask(path: directory + "/s"))?["jobs"]?.array ?? []
                        held.keys.withLock { $0 = jobs.compactMap { $0["key"]?.string } }
                        try? await AgentEnvironment.pause(milliseconds: 50)
                    }
                    try? claim?.end()
                }
            }
            #expect(held.keys.withLock { $0 } == ["alps/slurm/5@-"])
            let records = aggregator.state.entries.compactMap { try? JobRecord(text: $0.samples) }
            #expect(Set(records.map(\.key.description)) == ["alps/slurm/5@-"])
            #expect(records.last?.labels["model"] == "atlas")
        }
    }
}
