import Foundation
import NodeAgent
import Patience
import SeededRandom
import Testing

/// kill -9 of anything in the middle of a stream: the integers are those of an undisturbed one.
@Suite(.aggregator, .serialized, .timeLimit(.minutes(4))) struct CrashTests {
    private enum Victim: String, CaseIterable { case aggregator, agent, database }

    private let run = RecordedRun.acrossAnHour

    /// An agent that replays its node's log.
    private struct Replay {
        let node: String
        let arguments: [String]
        let directory: String
        private(set) var process: ChildProcess
        private(set) var isDone = false

        init(_ enrolment: Enrolment, log: String, speed: Int, directory: String) throws {
            node = enrolment.node
            arguments = [
                "run", "--data-dir", enrolment.directory, "--metrics", "127.0.0.1:0", "--interval-seconds", "5",
                "--replay", log, "--speed", "\(speed)", "--replay-job", "hall/slurm/4711@1715921878",
                "--replay-expect-nodes", "4", "--integration", "trapezoid",
            ]
            self.directory = directory
            process = try ChildProcess(.agent, arguments, directory: directory)
        }

        /// - Returns: whether it runs; an agent that ends in any other way than well is a failure.
        mutating func look() throws -> Bool {
            guard !isDone, let status = process.poll() else { return !isDone }
            guard status == 0 else {
                throw ChildProcess.Failure(description: "the agent of \(node) ended with \(status): \(process.errors)")
            }
            isDone = true
            return false
        }

        mutating func crash() async throws {
            try await process.kill9()
            process = try ChildProcess(.agent, arguments, directory: directory)
        }
    }

    /// Kills one thing after the other until every agent has ended.
    private func storm(
        _ replays: inout [Replay], _ aggregator: AggregatorUnderTest, _ random: inout SeededRandom
    ) async throws -> [Victim] {
        var killed: [Victim] = []
        var next: [Victim] = []
        let deadline = ContinuousClock.now + .seconds(90)
        while true {
            try await Patience.moment(milliseconds: 100..<1500, &random)
            var running: [Int] = []
            for index in replays.indices where try replays[index].look() { running.append(index) }
            guard let victim = running.randomElement(using: &random) else { return killed }
            guard ContinuousClock.now < deadline else {
                throw Patience.RanOut(description: "the agents did not end; killed \(killed); \(aggregator.said)")
            }
            // Enough is enough: what is left of the stream comes through.
            guard killed.count < 9 else { continue }
            if next.isEmpty { next = Victim.allCases.shuffled(using: &random) }
            let kind = next.removeFirst()
            switch kind {
            case .aggregator:
                try await aggregator.kill9()
                try await aggregator.start()
            case .agent: try await replays[victim].crash()
            case .database:
                let old = try aggregator.killDatabase()
                _ = try await Patience.until("another database server") {
                    aggregator.database.flatMap { $0 == old ? nil : $0 }
                }
            }
            killed.append(kind)
        }
    }

    @Test(arguments: Seed.two) func theIntegersAreThoseOfAnUndisturbedStream(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let aggregator = try AggregatorUnderTest.current
        let organization = try await aggregator.organization("Storm \(seed)")
        let expected = try run.expected().nodes
        let nodes = ["node_1", "node_3", "node_4", "node_6"]
        var replays: [Replay] = []
        for node in nodes {
            replays.append(
                try Replay(
                    try await organization.enrol(node), log: run.file(node), speed: 20,
                    directory: aggregator.directory.path))
        }
        let killed = try await storm(&replays, aggregator, &random)
        let comment: Comment = "seed \(seed), killed \(killed.map(\.rawValue))"
        print("CrashTests: \(comment)")
        #expect(Set(killed) == Set(Victim.allCases), comment)
        let job = try await organization.job("hall/slurm/4711@1715921878")
        let undisturbed = Dictionary(
            uniqueKeysWithValues: try nodes.map { ($0, try #require(expected[$0]).trapezoidMicrojoules) })
        #expect(job.energies == undisturbed, comment)
        #expect(job.energyMicrojoules == undisturbed.values.reduce(0, +), comment)
        #expect(!job.flags.contains("superseded"), comment)
        // The log that came out of it holds in every respect.
        let bundle = try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
        let audit = try await organization.audit(bundle)
        #expect(audit.status == 0, "\(comment): \(audit.text)")
    }
}
