import Batches
import Energy
import Identity
import NodeAgent
import SeededRandom
import Sensors
import Synchronization
import Testing
import TransparencyLog
import Wire

@Suite struct RecordedImportTests {
    private let job = JobKey(cluster: "c", scheduler: "import", id: "j", submitSeconds: nil)
    private let key = try! SigningKey(name: "importer-1", seed: Array(repeating: 9, count: 32))

    private func mlperf(_ random: inout SeededRandom, count: Int = 200) -> [UInt8] {
        var time = 1_715_921_879_469 + Int(random.next() % 3_600_000)
        var text = ""
        for _ in 0..<count {
            let watts = 2000 + Int(random.next() % 4000)
            text += ":::MLLOG {\"key\": \"power_reading\", \"value\": \(watts), \"time_ms\": \(time)}\n"
            time += 1990 + Int(random.next() % 20)
        }
        return Array(text.utf8)
    }

    private func plan(_ files: [(String, [UInt8])], _ settings: ImportSettings) throws -> ImportPlan {
        let sources = try files.flatMap { try RecordedFile(path: $0.0).sources($0.1, settings) }
        return try ImportPlan(
            sources: sources, settings: settings, log: FakeAggregator.origin,
            jobSalt: Array(repeating: 7, count: 16), key: key)
    }

    private func run(
        _ plan: ImportPlan, _ settings: ImportSettings, on aggregator: FakeAggregator
    ) async throws -> RecordedImport.Result {
        try await aggregator.run { address in
            let recorded = RecordedImport(
                configuration: Uplink.Configuration(
                    log: FakeAggregator.origin, logKey: aggregator.logKey.verifier, node: "importer-1",
                    agentVersion: "test"),
                settings: settings, plan: plan, attempts: 20)
            return try await recorded.run(
                environment: RecordedImport.Environment(
                    client: { try aggregator.client("importer-1", address) }, pause: { _ in await Task.yield() },
                    jitter: { 0 }, monotonicNanoseconds: { 0 }))
        }
    }

    @Test func everyReadingEndsInTheLogOnceAndARepetitionAddsNothing() async throws {
        var random = SeededRandom(seed: 1)
        let settings = ImportSettings(format: .mlperf, job: job, expectedNodes: 2)
        let files = [("a/node_1.txt", mlperf(&random)), ("a/node_2.txt", mlperf(&random))]
        let plan = try plan(files, settings)
        let aggregator = try FakeAggregator()
        let first = try await run(plan, settings, on: aggregator)
        #expect(first.files.map(\.alreadyImported) == [false, false])
        #expect(first.files.map(\.node) == ["node_1", "node_2"])
        let size = aggregator.state.entries.count
        for (file, chain) in zip(first.files, plan.chains) {
            let own = aggregator.batches.filter { $0.node == file.node }
            #expect(Int64(own.count) == chain.batchCount)
            #expect(own.reduce(0) { $0 + $1.facts.sensors[0].advanceMicrojoules } == file.energyMicrojoules)
            // The first reading begins the first interval; every other one lies inside of one.
            #expect(own.reduce(0) { $0 + $1.facts.sensors[0].readings } == file.readings - 1)
            #expect(own.allSatisfy { $0.facts.allocations.map(\.job) == [first.pseudonym] })
        }
        let second = try await run(plan, settings, on: aggregator)
        #expect(second.files.map(\.alreadyImported) == [true, true])
        #expect(second.files.map(\.energyMicrojoules) == first.files.map(\.energyMicrojoules))
        #expect(aggregator.state.entries.count == size)
    }

    @Test(arguments: 0..<12) func lostConnectionsAndAnswersChangeNothing(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let settings = ImportSettings(format: .mlperf, job: job, intervalSeconds: 5)
        let plan = try plan([("node_1.txt", mlperf(&random))], settings)
        var faults = FakeAggregator.Faults()
        faults.cuts = (0..<Int(random.next() % 4)).map { _ in Int(random.next() % 40) }
        faults.losesAnswers = Set((0..<3).map { _ in Int(random.next() % 80) })
        faults.duplicatesAcks = random.next() % 2 == 0
        let aggregator = try FakeAggregator(faults: faults)
        let result = try await run(plan, settings, on: aggregator)
        let batches = aggregator.batches
        #expect(Int64(batches.count) == plan.chains[0].batchCount, "seed \(seed)")
        #expect(batches.map(\.position.sequence) == Array(0..<plan.chains[0].batchCount), "seed \(seed)")
        let energy = batches.reduce(0) { $0 + $1.facts.sensors[0].advanceMicrojoules }
        #expect(energy == result.files[0].energyMicrojoules, "seed \(seed)")
    }

    @Test func anImportThatWasCutOffGoesOnFromTheHead() async throws {
        var random = SeededRandom(seed: 3)
        let settings = ImportSettings(format: .mlperf, job: job, intervalSeconds: 5)
        let plan = try plan([("node_1.txt", mlperf(&random))], settings)
        let refusal = Refusal(.badSyntax, "the test ends it here")
        let aggregator = try FakeAggregator(faults: FakeAggregator.Faults(refuses: [30: refusal]))
        await #expect(throws: AgentError.self) { try await run(plan, settings, on: aggregator) }
        #expect(aggregator.batches.count == 30)
        let before = aggregator.state.received
        let result = try await run(plan, settings, on: aggregator)
        #expect(result.files.map(\.alreadyImported) == [false])
        #expect(Int64(aggregator.batches.count) == plan.chains[0].batchCount)
        #expect(Int64(aggregator.state.received - before) == plan.chains[0].batchCount - 30 + 2)
    }

    @Test func aFileThatAnotherSignerImportedIsNotImportedAgain() async throws {
        var random = SeededRandom(seed: 4)
        let settings = ImportSettings(format: .mlperf, job: job)
        let bytes = mlperf(&random)
        let aggregator = try FakeAggregator()
        _ = try await run(try plan([("node_1.txt", bytes)], settings), settings, on: aggregator)
        var other = settings
        other.start = UTCTime(microseconds: 1_715_921_900_000_000)
        let size = aggregator.batches.count
        let result = try await run(try plan([("node_1.txt", bytes)], other), other, on: aggregator)
        #expect(result.files.map(\.alreadyImported) == [true])
        #expect(aggregator.batches.count == size)
    }

    @Test func aSwitchIsAConstantOverTheNodesOfTheSameCall() throws {
        var random = SeededRandom(seed: 5)
        let settings = ImportSettings(format: .mlperf, job: job)
        let line = ":::MLLOG {\"key\": \"interconnect_power_est\", \"value\": 500, \"time_ms\": 1715921879469}\n"
        let node = mlperf(&random)
        let plan = try plan([("node_1.txt", node), ("sw_0.txt", Array(line.utf8))], settings)
        let source = try #require(plan.chains.last)
        #expect(source.source.subject == .source && source.source.sensor.layer == .network)
        let extent = try #require(plan.chains[0].intervals.extent)
        #expect(source.intervals.extent == extent)
        #expect(source.energyMicrojoules == Int128(extent.durationMicroseconds) * 500)
        #expect(throws: AgentError.self) { try self.plan([("sw_0.txt", Array(line.utf8))], settings) }
    }

    @Test func badInputNamesThePlaceAndTheRemedy() throws {
        let settings = ImportSettings(format: .mlperf, job: job)
        let cut = Array(
            ":::MLLOG {\"key\": \"power_reading\", \"value\": 1, \"time_ms\": 1715921879469}\n:::MLLOG {\"ke".utf8)
        let error = #expect(throws: AgentError.self) { try RecordedFile(path: "x.txt").sources(cut, settings) }
        #expect(error?.description.contains("x.txt: line 2") == true)
        #expect(error?.code == .input)
        #expect(throws: AgentError.self) { try RecordedFile(path: "x y.txt").sources(cut, settings) }
        #expect(RecordedFile(path: "/a/b.c/node.1.txt").nodeName == "node.1")
        #expect(RecordedFile(path: ".hidden").nodeName == ".hidden")
    }
}
