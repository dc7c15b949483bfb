import ArgumentParser
import Batches

/// `wattest progress`
struct ProgressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "progress",
        abstract: "Tells the local agent how far a job has come, such as step=1200 tokens=3.5.",
        discussion: "Inside of 'wattest exec' the job is known; the agent shows the figures beside its energy.")

    @Option(help: ArgumentHelp("Name or key of the job; else WATTEST_JOB, which 'exec' sets.", valueName: "name"))
    var job: String?

    @Argument(help: ArgumentHelp("At most 16 figures of the job's own.", valueName: "name=number"))
    var figures: [String]

    func run() throws {
        let job = try ServerOptions.setting(job, "--job", "WATTEST_JOB")
        let words = try figures.map { try Self.word($0) }
        let path = JobClaim.socketPath(environment: ServerOptions.environmentValue)
        do {
            // A connection tells of its own job only, so this one joins the job for the moment.
            let socket = try AgentSocket(path: path)
            try socket.say(JobClaim(job: job).line)
            try socket.say((["progress"] + words).joined(separator: " "))
            try socket.say("end")
        } catch {
            throw CommandFailure(.unavailable, "AGENT", "\(error), \(path), look at wattest-agent on this node")
        }
    }

    private static func word(_ figure: String) throws(CommandFailure) -> String {
        guard let equals = figure.firstIndex(of: "="), equals != figure.startIndex else {
            throw .usage("'\(figure)' is no figure", "write NAME=NUMBER")
        }
        return "\(figure[..<equals])=\(PercentEncoding.encode(String(figure[figure.index(after: equals)...])))"
    }
}
