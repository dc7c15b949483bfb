import Batches
import Energy
import JSONText
import MetricsEndpoint
import NodeAgent
import Synchronization
import TransparencyLog

/// A replay: the recorded log of this node goes into the log at its own pace.
struct Replay: Sendable {
    private let recorded: RecordedImport
    private let enrolment: Enrolment
    private let host: AgentHost
    private let isLingering: Bool
    private let progress = ReplayProgress()

    init(options: ReplayOptions, file: String, enrolment: Enrolment, host: AgentHost) throws(AgentError) {
        let settings = try options.settings(intervalSeconds: host.intervalSeconds)
        guard let pace = options.pace else {
            throw AgentError(.usage, "--speed `\(options.speed)` is not a number above 0, or max")
        }
        recorded = try RecordedImport.prepare(
            enrolment, settings: settings, files: [RecordedFile(path: file, node: enrolment.node)], pace: pace,
            attempts: nil)
        self.enrolment = enrolment
        self.host = host
        isLingering = options.linger
    }

    func run() async throws {
        let progress = progress
        let node = enrolment.node
        try await host.run(
            metrics: { progress.page(node) }, readiness: { .ready },
            work: { untilStopped in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await untilStopped() }
                    group.addTask {
                        let result = try await recorded.run(environment: .live(enrolment)) { progress.update($0) }
                        progress.finish()
                        Self.report(result)
                        if isLingering { try await AgentEnvironment.pause(milliseconds: .max / 2_000_000) }
                    }
                    // A replay that is stopped goes on when it is started again.
                    defer { group.cancelAll() }
                    try await group.next()
                }
            })
    }

    private static func report(_ result: RecordedImport.Result) {
        for file in result.files {
            let object: JSONValue = [
                "job_key": .string("\(result.jobKey)"), "job": .string(result.pseudonym), "node": .string(file.node),
                "sensor": .string(file.sensor), "file_sha256": .string(file.fileSHA256),
                "readings": .integer(file.readings), "energy_uj": .decimalString(file.energyMicrojoules),
                "job_energy_uj": .decimalString(file.jobEnergyMicrojoules),
                "already_imported": .bool(file.alreadyImported),
            ]
            print(object.text())
        }
    }
}

/// How far a replay has come, for `/metrics`.
private final class ReplayProgress: Sendable {
    private struct State {
        var progress: RecordedImport.Progress?
        var isDone = false
    }

    private let state = Mutex(State())

    func update(_ progress: RecordedImport.Progress) { state.withLock { $0.progress = progress } }
    func finish() { state.withLock { $0.isDone = true } }

    func page(_ node: String) -> MetricsPage {
        let state = state.withLock { $0 }
        var page = MetricsPage()
        page.gauge("wattest_agent_info", "The agent.", [MetricSample(["node": node, "mode": "replay"], 1)])
        page.gauge("wattest_replay_done", "Whether everything is in the log for certain.", state.isDone ? 1 : 0)
        page.gauge(
            "wattest_replay_batches", "Batches of the recorded log.", .integer(state.progress?.batchesKnown ?? 0))
        page.gauge(
            "wattest_replay_batches_settled", "Batches that the log holds for certain.",
            .integer(state.progress?.batchesSettled ?? 0))
        return page
    }
}
