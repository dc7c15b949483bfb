import Glibc
import Synchronization
import Testing
import Workloads

@testable import NodeAgent

/// Names of jobs that every node must find alike, with a controller that is a script of the test's.
@Suite struct WorkloadResolverTests {
    private static let job =
        "JobId=5 JobName=j UserId=a(1) Account=acme SubmitTime=9 NodeList=n1 NumNodes=1 OverSubscribe=OK"

    /// Clusters in the order in which the answers came.
    private final class Answers: Sendable {
        let clusters = Mutex<[String]>([])
    }

    /// - Parameter script: what `scontrol` does; nil where there is none.
    private func withResolver(
        script: String?, _ body: (WorkloadResolver) -> Void, until count: Int
    ) async throws -> [String] {
        try await ChildProcess.withDirectoryAsync { directory in
            if let script {
                let file = open(directory + "/scontrol", O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
                let text = "#!/bin/sh\n\(script)\n"
                _ = write(file, text, text.utf8.count)
                close(file)
            }
            let answers = Answers()
            let accounts = SignedAccounts(own: AccountMap(), path: directory + "/map.json")
            let resolver = WorkloadResolver(
                .init(controller: SlurmController(directory: directory), site: "site", accounts: accounts)
            ) { _, workload in answers.clusters.withLock { $0.append(workload.identity.cluster) } }
            body(resolver)
            while answers.clusters.withLock({ $0.count }) < count {
                try await AgentEnvironment.pause(milliseconds: 10)
            }
            resolver.stop()
            return answers.clusters.withLock { $0 }
        }
    }

    private func question(
        _ environment: [String: String] = [:], isOver: Bool = false, patienceSeconds: Int64 = 600
    ) -> WorkloadResolver.Question {
        let now = AgentEnvironment.bootNanoseconds()
        return .init(
            token: "~slurm/5/1", job: 5, node: "n1", environment: TaskEnvironment(environment), dueNanoseconds: now,
            giveUpNanoseconds: now + patienceSeconds * 1_000_000_000, isOver: isOver)
    }

    /// Behind the prolog no process tells the cluster; on another node a task does already.
    @Test(.timeLimit(.minutes(5))) func theControllerTellsTheClusterWhereNobodyElseDoes() async throws {
        let script = """
            case "$*" in
                *config*) printf 'CacheGroups = 0\\nClusterName             = alps\\n';;
                *) echo '\(Self.job)';;
            esac
            """
        let told = try await withResolver(script: script, { $0.ask(question()) }, until: 1)
        #expect(told == ["alps"])
        let named = try await withResolver(
            script: script, { $0.ask(question(["SLURM_CLUSTER_NAME": "jura"])) }, until: 1)
        #expect(named == ["jura"])
    }

    /// Without `scontrol` the first task is waited for, unless none can come.
    @Test(.timeLimit(.minutes(5))) func withoutAControllerTheFirstTaskTells() async throws {
        let told = try await withResolver(
            script: nil,
            { resolver in
                resolver.ask(question())
                resolver.ask(question(["SLURM_JOB_ID": "5", "SLURM_CLUSTER_NAME": "alps"]))
            }, until: 1)
        #expect(told == ["alps"])
        let over = try await withResolver(script: nil, { $0.ask(question(isOver: true)) }, until: 1)
        let late = try await withResolver(script: nil, { $0.ask(question(patienceSeconds: 0)) }, until: 1)
        #expect(over == ["site"] && late == ["site"])
    }
}
