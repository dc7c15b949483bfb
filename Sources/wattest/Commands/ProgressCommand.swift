import ArgumentParser
import Batches

/// `wattest progress`
struct ProgressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "progress",
        abstract: "Tells the local agent how far a job has come: --epoch 3 --of 100 --metric accuracy=0.81.",
        discussion: """
            Inside of 'wattest exec' the job is known; the agent shows the figures beside its energy. With --log the \
            same is added to a table that 'wattest forecast --progress' reads.
            """)

    @Option(help: ArgumentHelp("Name or key of the job; else WATTEST_JOB, which 'exec' sets.", valueName: "name"))
    var job: String?

    @Option(help: ArgumentHelp("Epochs done; fractions are allowed.", valueName: "n"))
    var epoch: String?

    @Option(help: ArgumentHelp("Steps done, where epochs are not counted.", valueName: "n"))
    var step: String?

    @Option(help: ArgumentHelp("How many there will be.", valueName: "n"))
    var of: String?

    @Option(help: ArgumentHelp("A measure of quality; may be given several times.", valueName: "name=number"))
    var metric: [String] = []

    @Option(help: ArgumentHelp("Adds a line to this table as well.", valueName: "file"))
    var log: String?

    @Argument(help: ArgumentHelp("Other figures of the job's own, 16 in all at most.", valueName: "name=number"))
    var figures: [String] = []

    func run() throws {
        let pairs = try self.pairs
        guard !pairs.isEmpty else {
            throw CommandFailure.usage("there is no progress to tell", "give --epoch or --step, or NAME=NUMBER")
        }
        if let log { try ProgressTable(path: log).add(pairs) }
        // Who only writes a table needs no agent.
        if log != nil, job == nil, (ServerOptions.environmentValue("WATTEST_JOB") ?? "").isEmpty { return }
        let job = try ServerOptions.setting(job, "--job", "WATTEST_JOB")
        let words = pairs.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }
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

    private var pairs: [(name: String, value: String)] {
        get throws {
            guard epoch == nil || step == nil else {
                throw CommandFailure.usage("--epoch and --step contradict each other", "give one of them")
            }
            guard of == nil || epoch != nil || step != nil else {
                throw CommandFailure.usage("--of says nothing by itself", "give --epoch or --step with it")
            }
            var pairs: [(name: String, value: String)] = []
            if let epoch { pairs.append(("epoch", epoch)) }
            if let step { pairs.append(("step", step)) }
            if let of { pairs.append(("of", of)) }
            pairs += try (metric + figures).map { try Self.pair($0) }
            for pair in pairs where Double(pair.value)?.isFinite != true {
                throw CommandFailure.usage("'\(pair.name)=\(pair.value)' is no figure", "write NAME=NUMBER")
            }
            return pairs
        }
    }

    private static func pair(_ figure: String) throws(CommandFailure) -> (name: String, value: String) {
        guard let equals = figure.firstIndex(of: "="), equals != figure.startIndex else {
            throw .usage("'\(figure)' is no figure", "write NAME=NUMBER")
        }
        return (String(figure[..<equals]), String(figure[figure.index(after: equals)...]))
    }
}
