import ArgumentParser
import Batches

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `wattest exec`
///
/// Measuring must never fail a job: whatever is wrong with the agent, the command runs.
struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Runs a command of a job on this node, so that the local agent accounts for it.",
        discussion: """
            The agent is found by WATTEST_AGENT_SOCKET, else at /run/wattest/agent.sock. Without one the command runs \
            all the same, with a warning. Signals are passed on; the exit status is the command's.
            """)

    @Option(help: ArgumentHelp("Name of the job, or its key cluster/scheduler/id@submit.", valueName: "name"))
    var job: String

    @Option(help: "The model that it trains; jobs of one model are a run.")
    var model: String?

    @Option(name: .customLong("class"), help: "final, development, failed or evaluation.")
    var jobClass: JobClass?

    @Option(help: ArgumentHelp("On how many nodes the job runs; else as Slurm or MPI say.", valueName: "n"))
    var expectNodes: Int64?

    @Option(help: ArgumentHelp("Rank of this process; else as torchrun, Slurm or MPI say.", valueName: "n"))
    var rank: Int64?

    @Option(help: ArgumentHelp("An accelerator that the job holds, by its identity; may be repeated.", valueName: "id"))
    var device: [String] = []

    @Argument(parsing: .postTerminator, help: "The command and its arguments, behind --.")
    var command: [String]

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("there is no command, write it behind --") }
        guard !job.isEmpty else { throw ValidationError("--job is empty, give the job a name") }
        guard !job.contains("/") || JobKey(job) != nil else {
            throw ValidationError("--job '\(job)' is no key, write cluster/scheduler/id@submit or a plain name")
        }
        guard expectNodes ?? 1 >= 1 else { throw ValidationError("--expect-nodes must be 1 or more") }
    }

    func run() throws {
        let environment = ServerOptions.environmentValue
        let claim = JobClaim(
            job: job, model: model, jobClass: jobClass?.rawValue,
            expectedNodes: expectNodes ?? JobClaim.expectedNodes(environment: environment),
            rank: rank ?? JobClaim.rank(environment: environment), devices: device)
        let path = JobClaim.socketPath(environment: environment)
        var holder = ClaimHolder(claim: claim, path: path)
        if let warning = holder.begin() {
            Output.warning("\(warning), '\(job)' is not accounted for here, start wattest-agent; the command runs")
        }
        let process = try CommandProcess(
            command, environment: ["WATTEST_JOB": job, "WATTEST_AGENT_SOCKET": path, "WATTEST_EXEC": "1"])
        let status = process.wait { holder.keep() }
        holder.end()
        throw ExitCode(status)
    }
}

/// Holds a claim while a command runs, through restarts of the agent.
struct ClaimHolder {
    let claim: JobClaim
    let path: String
    private var socket: AgentSocket?
    private var secondsUntilRetry = 0

    private static let retrySeconds = 5

    init(claim: JobClaim, path: String) {
        self.claim = claim
        self.path = path
    }

    /// - Returns: why there is no claim, nil when there is one.
    mutating func begin() -> String? {
        do {
            let socket = try AgentSocket(path: path)
            try socket.say(claim.line)
            self.socket = socket
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Claims again after the agent has gone, or when it comes late: the rest of the job is worth accounting for.
    mutating func keep() {
        if socket?.isOpen == true { return }
        socket = nil
        secondsUntilRetry -= 1
        guard secondsUntilRetry <= 0 else { return }
        secondsUntilRetry = Self.retrySeconds
        _ = begin()
    }

    mutating func end() {
        _ = try? socket?.say("end")
        socket = nil
    }
}
