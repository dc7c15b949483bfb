import ArgumentParser
import Batches
import Energy
import NodeAgent
import Sensors

/// How `run` replays a recorded log.
struct ReplayOptions: ParsableArguments {
    @Option(name: .customLong("replay"), help: "Recorded log to replay as this node's measurement.") var file: String?
    @Option(name: .customLong("replay-format"), help: "mlperf, nvidia-smi-csv, dcgm-csv, csv or sacct.")
    var format = "mlperf"
    @Option(name: .customLong("replay-job"), help: "Job that ran: cluster/scheduler/id@submit.") var job: String?
    @Option(name: .customLong("replay-start"), help: "Start of the job, RFC 3339 or Unix time.") var start: String?
    @Option(name: .customLong("replay-stop"), help: "Stop of the job.") var stop: String?
    @Option(name: .customLong("replay-expect-nodes"), help: "Nodes that the job ran on.") var expectedNodes: Int64?
    @Option(name: .customLong("replay-label"), help: "NAME=VALUE for the job's record; may be repeated.")
    var labels: [String] = []
    @Option(help: "trapezoid or right.") var integration: String?
    @Option(help: "Recorded seconds in one second, or max.") var speed = "1"
    @Flag(help: "Stay when the replay is done, until SIGTERM.") var linger = false

    var isUsed: Bool { file != nil }

    func check() throws(AgentError) {
        guard !isUsed else { return }
        let given = job != nil || start != nil || stop != nil || expectedNodes != nil || integration != nil
        if given || linger || !labels.isEmpty {
            throw AgentError(.usage, "options of a replay without a file; give --replay FILE")
        }
    }

    func settings(intervalSeconds: Int64) throws(AgentError) -> ImportSettings {
        guard let format = RecordedLog.Format(rawValue: format) else {
            let known = RecordedLog.Format.allCases.map(\.rawValue)
            let nearest = NearestName.of(self.format, among: known) ?? known[0]
            throw AgentError(.usage, "--replay-format `\(self.format)` is unknown; the nearest is `\(nearest)`")
        }
        guard let job else {
            throw AgentError(.usage, "--replay needs --replay-job, for example hall-2/slurm/4711@1715900000")
        }
        guard let key = JobKey(job) else {
            throw AgentError(
                .usage, "--replay-job `\(job)` is not cluster/scheduler/id@submit, with `-` for an unknown submit")
        }
        var rule: IntegrationRule?
        if let integration {
            rule = IntegrationRule(rawValue: integration)
            guard rule != nil else {
                throw AgentError(.usage, "--integration `\(integration)` is not trapezoid or right")
            }
        }
        return ImportSettings(
            format: format, job: key, labels: try parsedLabels(), start: try Self.time(start, "--replay-start"),
            stop: try Self.time(stop, "--replay-stop"), expectedNodes: expectedNodes, integration: rule,
            intervalSeconds: intervalSeconds)
    }

    var pace: RecordedImport.Pace? {
        if speed == "max" { return .unbounded }
        guard let milliseconds = DecimalText.scaled(speed.utf8, by: 3), milliseconds > 0 else { return nil }
        return .recordedMillisecondsPerSecond(milliseconds)
    }

    private func parsedLabels() throws(AgentError) -> [String: String] {
        var parsed: [String: String] = [:]
        for label in labels {
            guard let equals = label.firstIndex(of: "="), equals > label.startIndex else {
                throw AgentError(.usage, "--replay-label `\(label)` is not NAME=VALUE")
            }
            parsed[String(label[..<equals])] = String(label[label.index(after: equals)...])
        }
        return parsed
    }

    private static func time(_ text: String?, _ flag: String) throws(AgentError) -> UTCTime? {
        guard let text else { return nil }
        guard let microseconds = Timestamp.microseconds(text.utf8) else {
            throw AgentError(.usage, "\(flag) `\(text)` is not a time such as 2024-05-17T04:55:01Z or 1715921701000")
        }
        return UTCTime(microseconds: microseconds)
    }
}
