import Synchronization
import Workloads

/// Finds out who holds the node, on a thread of its own: the measuring thread waits for no controller.
final class WorkloadResolver: Sendable {
    struct Question: Sendable {
        var token: String
        var job: Int64
        /// This node's name in Slurm.
        var node: String
        /// What the hook or a task told.
        var environment: TaskEnvironment
        /// CLOCK_BOOTTIME of the next try.
        var dueNanoseconds: Int64
        var giveUpNanoseconds: Int64
        /// The job is over: nobody will tell more of it.
        var isOver = false
        var tries = 0
    }

    struct Settings: Sendable {
        var controller: SlurmController
        var site: String
        var accounts: SignedAccounts
    }

    private let settings: Settings
    private let answer: @Sendable (_ token: String, Workload) -> Void
    private let questions = Mutex<[Question]>([])
    private let isStarted = Mutex(false)
    private let isStopped = Mutex(false)
    private let wakeUp = WakeUp()
    /// Names of clusters by the configuration that a job's processes name, empty for the node's own.
    private let clusters = Mutex<[String: String]>([:])

    /// A controller that does not answer for so long leaves the job without its submit time.
    static let patienceNanoseconds: Int64 = 60_000_000_000
    /// A controller that tells of jobs and not of its configuration is asked for that so often.
    private static let maximumTriesForCluster = 3

    init(_ settings: Settings, answer: @escaping @Sendable (_ token: String, Workload) -> Void) {
        self.settings = settings
        self.answer = answer
    }

    func ask(_ question: Question) {
        questions.withLock { $0.append(question) }
        let isFirst = isStarted.withLock { started in
            defer { started = true }
            return !started
        }
        // A node without a scheduler has no such thread.
        if isFirst { AgentThread.start { [self] in work() } }
        wakeUp.signal()
    }

    func stop() {
        isStopped.withLock { $0 = true }
        wakeUp.signal()
    }

    private func work() {
        while !isStopped.withLock({ $0 }) {
            let now = AgentEnvironment.bootNanoseconds()
            let due = questions.withLock { questions -> Question? in
                guard let index = questions.firstIndex(where: { $0.dueNanoseconds <= now }) else { return nil }
                return questions.remove(at: index)
            }
            if let due {
                work(on: due)
            } else {
                let next = questions.withLock { $0.map(\.dueNanoseconds).min() } ?? now + 60_000_000_000
                wakeUp.wait(milliseconds: max(1, (next - now) / 1_000_000))
            }
        }
    }

    private func work(on question: Question) {
        let answered = settings.controller.ask(
            job: question.job, node: question.node, configuration: question.environment["SLURM_CONF"])
        let isLast = AgentEnvironment.bootNanoseconds() >= question.giveUpNanoseconds
        switch answered {
        case .known(var job):
            job.cluster = question.environment["SLURM_CLUSTER_NAME"] ?? cluster(question)
            guard job.cluster != nil || question.tries >= Self.maximumTriesForCluster else { return askAgain(question) }
            tell(job, question)
        case .absent:
            // Behind the prolog there is nobody yet to tell the cluster: another node, where a task runs already, would
            // call the same job by another name. The first task is asked again.
            guard !question.environment.isEmpty || question.isOver || isLast else { return askAgain(question) }
            tell(SlurmJob(id: question.job), question)
        case .silent:
            guard isLast else { return askAgain(question) }
            tell(SlurmJob(id: question.job), question)
        }
    }

    private func askAgain(_ question: Question) {
        var again = question
        again.tries += 1
        let pause: Int64 = min(8_000_000_000, 250_000_000 << Int64(min(again.tries, 5)))
        again.dueNanoseconds = min(AgentEnvironment.bootNanoseconds() + pause, question.giveUpNanoseconds)
        questions.withLock { $0.append(again) }
    }

    /// The cluster of a job of which no task and no hook tells it, asked once for each configuration.
    private func cluster(_ question: Question) -> String? {
        let configuration = question.environment["SLURM_CONF"]
        if let known = clusters.withLock({ $0[configuration ?? ""] }) { return known }
        let name = settings.controller.clusterName(configuration: configuration)
        if let name { clusters.withLock { $0[configuration ?? ""] = name } }
        return name
    }

    private func tell(_ job: SlurmJob, _ question: Question) {
        answer(question.token, Self.workload(job, question, settings))
    }

    static func workload(_ job: SlurmJob, _ question: Question, _ settings: Settings) -> Workload {
        var job = job
        job.fill(from: question.environment)
        let accounts = settings.accounts.map
        return job.workload(site: settings.site, accounts: accounts).named(by: accounts)
    }

    /// When to ask first: at once, and for large jobs spread over some seconds, because all of their nodes ask.
    static func firstTry(now: Int64, environment: TaskEnvironment) -> Int64 {
        let nodes = environment.integer("SLURM_JOB_NUM_NODES") ?? 1
        guard nodes > 64 else { return now }
        return now + Int64.random(in: 0...min(20_000, nodes * 5)) * 1_000_000
    }
}
