import Batches
import Energy
import Glibc
import Identity
import JSONText
import Patience
import Sensors
import Synchronization
import Testing
import TransparencyLog
import Wire

@testable import NodeAgent

/// The whole agent on a real thread, disk and wire, against an aggregator in memory. Each run is stopped at once: its
/// one interval is whatever time it took.
@Suite struct LiveAgentTests {
    /// A counter that moves by a kilojoule at each reading.
    private struct Meter: SensorSource {
        let name = "fixture"
        let isSlow = false
        let counter: Counter

        final class Counter: Sendable {
            let value = Mutex<UInt64>(1000)
        }

        mutating func discover() -> SourceReport {
            let description = SensorDescription(
                id: "meter:node", kind: "meter", layer: .nodeAC, provenance: .counter, quantity: .microjouleCounter(),
                maximumPowerMicrowatts: PowerIntegral.powerBoundMicrowatts)
            return SourceReport(
                source: name,
                sensors: [
                    FoundSensor(
                        description: description, part: .node, measurementPoint: "test", place: "memory",
                        costMicroseconds: 1)
                ])
        }

        mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
            let value = counter.value.withLock { value in
                value += 1_000_000_000
                return value
            }
            let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: .counter(value))
            readings.append(SensorReading(sensor: 0, reading: reading))
        }
    }

    /// A node with a directory of its own, enrolled at an aggregator of its own.
    private func withNode(
        _ faults: FakeAggregator.Faults = .init(),
        _ body: (_ directory: String, _ aggregator: FakeAggregator, _ enrolment: Enrolment) async throws -> Void
    ) async throws {
        try await ChildProcess.withDirectoryAsync { directory in
            let aggregator = try FakeAggregator(faults: faults)
            try await body(directory, aggregator, try aggregator.enrolment(in: directory))
        }
    }

    /// - Parameter report: gets what the agent says to its operator.
    private func agent(
        _ enrolment: Enrolment, _ aggregator: FakeAggregator, _ address: NetworkAddress,
        _ counter: Meter.Counter = Meter.Counter(), intervalSeconds: Int64 = 1,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> LiveAgent {
        try LiveAgent(
            enrolment,
            configuration: LiveAgent.Configuration(
                intervalSeconds: intervalSeconds, socketPath: Self.socket(enrolment.directory)),
            sources: { [Meter(counter: counter)] }, client: { try aggregator.client("n1", address) }, report: report)
    }

    private static func socket(_ directory: String) -> String { directory + "/s" }

    /// What the agent of this directory does now, nil where none answers.
    private static func status(_ directory: String) -> JSONValue? { try? AgentStatus.ask(path: socket(directory)) }

    /// Runs an agent until `condition` holds, then stops it.
    private func run(
        _ enrolment: Enrolment, _ aggregator: FakeAggregator, _ address: NetworkAddress, _ counter: Meter.Counter,
        until condition: @escaping @Sendable (LiveAgent) -> Bool
    ) async throws {
        let agent = try agent(enrolment, aggregator, address, counter, intervalSeconds: 30)
        try await agent.run { await wait { condition(agent) } }
    }

    private func wait(_ condition: () -> Bool) async {
        do {
            try await Patience.until("what the agent is to do") { condition() ? () : nil }
        } catch {
            Issue.record(error)
        }
    }

    /// A full disk or no descriptor left: what was signed is nowhere, so nothing may be signed behind it, and a
    /// supervisor that starts again what failed must see a failure.
    @Test func aBatchThatCannotBeStoredEndsTheRunAsAFailure() async throws {
        try await withNode { directory, aggregator, enrolment in
            let said = Mutex<[String]>([])
            try await aggregator.run { address in
                let agent = try agent(enrolment, aggregator, address) { line in said.withLock { $0.append(line) } }
                let error = await #expect(throws: AgentError.self) {
                    try await agent.run {
                        await wait { agent.isConnected }
                        rename(directory + "/spool", directory + "/elsewhere")
                        // Nobody tells it to stop: only its own end wakes this.
                        try? await Task.sleep(for: .seconds(600))
                    }
                }
                #expect(error?.exitStatus == 3)
                #expect(error?.description.contains("a batch could not be stored") == true)
            }
            #expect(said.withLock { $0 }.filter { $0.contains("a batch could not be stored") }.count == 1)
        }
    }

    @Test func aRestartGoesOnWithTheChainAndItsCounters() async throws {
        try await withNode { directory, aggregator, enrolment in
            let counter = Meter.Counter()
            try await aggregator.run { address in
                for _ in 0..<3 {
                    try await run(enrolment, aggregator, address, counter) { $0.isConnected }
                    // What happens while no agent runs is in the next one's outage.
                    counter.value.withLock { $0 += 5_000_000_000 }
                }
            }
            let batches = aggregator.batches
            #expect(aggregator.state.refusals.isEmpty)
            #expect(batches.map(\.position.sequence) == Array(0..<Int64(batches.count)))
            #expect(batches.count { $0.facts.state == .outage } == 2)
            let sum = batches.reduce(0) { $0 + $1.facts.sensors[0].advanceMicrojoules }
            let first = try #require(batches.first?.facts.sensors.first?.firstMicrojoules)
            let last = try #require(batches.last?.facts.sensors.first?.lastMicrojoules)
            #expect(sum == Int128(last - first) && sum >= 10_000_000_000)
            #expect(Set(batches.map(\.boot)).count == 1)
        }
    }

    @Test func whatAClaimHoldsIsInTheLogWithItsRecord() async throws {
        try await withNode { directory, aggregator, enrolment in
            try await aggregator.run { address in
                let done = Mutex(false)
                try await run(enrolment, aggregator, address, Meter.Counter()) { agent in
                    guard agent.isConnected else { return false }
                    return done.withLock { done in
                        if done { return true }
                        guard
                            let claim = try? SocketClaim(
                                path: Self.socket(directory), job: "train",
                                options: [("label.model", "a b"), ("mode", "shared")])
                        else { return false }
                        try? claim.report([("step", "3")])
                        #expect(throws: AgentError.self) { try claim.report([("step", "x")]) }
                        try? claim.end()
                        done = true
                        return true
                    }
                }
            }
            let jobs = aggregator.entries { try JobEntry(text: $0) }
            #expect(jobs.map(\.event) == [.start, .end])
            let records = aggregator.state.entries.compactMap { try? JobRecord(text: $0.samples) }
            #expect(records.first?.key.description == "s/exec/train@-")
            #expect(records.first?.labels["model"] == "a b" && records.first?.labels["claim.uid"] == "\(getuid())")
            #expect(records.first?.sha256 == jobs.first?.recordSHA256)
            let pseudonym = try #require(records.first?.pseudonym)
            #expect(aggregator.batches.contains { $0.facts.allocations.contains { $0.job == pseudonym } })
        }
    }

    /// A claim outlives the agent's stop: the next run goes on with it and tells of no second beginning.
    @Test func aClaimOfALivingProcessGoesOnThroughAStop() async throws {
        try await withNode { directory, aggregator, enrolment in
            let counter = Meter.Counter()
            @Sendable func held() -> [JSONValue] {
                Self.status(directory)?["jobs"]?.array ?? []
            }
            try await aggregator.run { address in
                let claim = Mutex<SocketClaim?>(nil)
                try await run(enrolment, aggregator, address, counter) { agent in
                    guard agent.isConnected else { return false }
                    claim.withLock { claim in
                        if claim == nil { claim = try? SocketClaim(path: Self.socket(directory), job: "train") }
                    }
                    return held().count == 1
                }
                let first = try #require(aggregator.entries { try JobEntry(text: $0) }.first)
                try await run(enrolment, aggregator, address, counter) { $0.isConnected && held().count == 1 }
                let outage = try #require(aggregator.batches.first { $0.facts.state == .outage })
                #expect(outage.facts.allocations.map(\.job) == [first.job])
                #expect(outage.facts.allocations.map(\.since) == [first.start])
                // The process claims anew, as `wattest exec` does, and ends that claim: the old one is not left over.
                claim.withLock { $0 = nil }
                try await run(enrolment, aggregator, address, counter) { agent in
                    guard agent.isConnected else { return false }
                    guard let again = try? SocketClaim(path: Self.socket(directory), job: "train") else { return false }
                    try? again.end()
                    return true
                }
            }
            let jobs = aggregator.entries { try JobEntry(text: $0) }
            #expect(jobs.map(\.event) == [.start, .end])
            #expect(jobs.first?.start == jobs.last?.start && jobs.last?.stop != nil)
        }
    }

    /// A node may be the only one who sees both histories of a log: its operator is told.
    @Test func aLogThatGoesBackIsShownByTheStatus() async throws {
        try await withNode { directory, aggregator, enrolment in
            let told = Mutex<JSONValue?>(nil)
            try await aggregator.run { address in
                let agent = try agent(enrolment, aggregator, address)
                @Sendable func log() -> JSONValue? { Self.status(directory)?["log"] }
                try await agent.run {
                    await wait { log()?["checkpoint_size"]?.string != nil }
                    // The next entry begins the log anew.
                    aggregator.change { $0.frontier = MerkleFrontier() }
                    await wait { log()?["last_checkpoint_fault"]?.string != nil }
                    told.withLock { $0 = log() }
                }
            }
            let log = try #require(told.withLock { $0 })
            #expect(log["checkpoints_refused"]?.decimalString ?? 0 > 0, "\(log.text())")
            let words = log["last_checkpoint_fault"]?.string ?? ""
            #expect(words.contains("has signed"), "\(words)")
        }
    }

    /// A database from an older copy lacks what this node has deleted on the word of a checkpoint.
    @Test func aLogThatLostBatchesIsShownByTheStatus() async throws {
        try await withNode { directory, aggregator, enrolment in
            let held = Mutex<[String]>([])
            try await aggregator.run { address in
                let counter = Meter.Counter()
                let agent = try agent(enrolment, aggregator, address, counter)
                try await agent.run {
                    await wait {
                        let names = (try? DurableFile.names(in: directory + "/spool")) ?? []
                        let notes = names.filter { $0.hasSuffix(".note") && $0.contains("-") }
                        return !notes.isEmpty && !notes.contains("\(enrolment.incarnation)-0.note")
                    }
                }
                aggregator.change { log in
                    log.heads[enrolment.incarnation] = Batches.ChainHead(
                        node: "n1", opening: enrolment.incarnation, leaf: enrolment.openingLeaf)
                    log.lastIndexes = [:]
                }
                try await run(enrolment, aggregator, address, counter) { _ in
                    let log = Self.status(directory)?["log"]
                    let told = log?["held"]?.array?.compactMap(\.string) ?? []
                    held.withLock { $0 = told }
                    return !told.isEmpty
                }
            }
            #expect(held.withLock { $0 }.first?.contains("lost seq 0 to ") == true)
        }
    }

    @Test func aLogThatIsAheadGetsAResumeEntryAndANewChain() async throws {
        try await withNode { directory, aggregator, enrolment in
            let counter = Meter.Counter()
            try await aggregator.run { address in
                try await run(enrolment, aggregator, address, counter) { $0.isConnected }
                // The node's disk is restored from before.
                ChildProcess.removeTree(directory + "/spool")
                try await run(enrolment, aggregator, address, counter) { $0.incarnation != enrolment.incarnation }
                try await run(enrolment, aggregator, address, counter) { $0.isConnected }
            }
            let resumes = aggregator.entries { try ResumeEntry(text: $0) }
            #expect(resumes.count == 1 && resumes[0].lastGood.incarnation == enrolment.incarnation)
            let chains = Set(aggregator.batches.map(\.position.incarnation))
            #expect(chains.count == 2)
            #expect(aggregator.state.refusals == [])
        }
    }

    /// Killed between putting batches aside and opening a new chain, or with a log that refused that too: what the log
    /// did not take is signed again as an outage of a new chain, and in no case at the same place of the old one.
    ///
    /// - Parameter isResuming: whether a run wrote the entry of the new chain and ended before the log had it.
    @Test(arguments: [true, false]) func aPlaceThatWasPutAsideIsNeverSignedAgain(isResuming: Bool) async throws {
        try await withNode { directory, aggregator, enrolment in
            let counter = Meter.Counter()
            let refused = Mutex<[Batch]>([])
            try await aggregator.run { address in
                try await run(enrolment, aggregator, address, counter) { $0.isConnected }
                let spool = try Spool(path: directory + "/spool")
                for item in spool.recovered where item.position != nil {
                    let note = try #require(try spool.read(item.leaf)).note
                    let batch = try Batch(text: Array(SignedNote(parsing: note).text))
                    refused.withLock { $0.append(batch) }
                    try spool.setAside(item.leaf, reason: "the test refuses it")
                }
                spool.close()
                if isResuming {
                    // Nobody answers there: what this run signs, it keeps.
                    let nobody = NetworkAddress(host: "127.0.0.1", port: 1)
                    try await run(enrolment, aggregator, nobody, counter) { $0.incarnation == enrolment.incarnation }
                    let names = try DurableFile.names(in: directory + "/spool")
                    #expect(
                        !names.contains { $0.hasPrefix("\(enrolment.incarnation)-") && $0.hasSuffix(".note") },
                        "\(names)")
                }
                try await run(enrolment, aggregator, address, counter) { $0.incarnation != enrolment.incarnation }
            }
            let resumes = aggregator.entries { try ResumeEntry(text: $0) }
            #expect(resumes.map(\.lastGood.incarnation) == [enrolment.incarnation])
            #expect(aggregator.state.refusals == [])
            let new = try #require(
                aggregator.batches.first { $0.position.incarnation != enrolment.incarnation })
            #expect(new.position.sequence == 0)
            // The energy since then is that of the counter, which went on from where the last batch left it.
            let old = refused.withLock { $0 }
            let (begin, end) = (try #require(old.first).facts, try #require(old.last).facts)
            #expect(new.facts.state == .outage && new.facts.interval.start == begin.interval.start)
            #expect(new.facts.sensors[0].firstMicrojoules == begin.sensors[0].firstMicrojoules)
            #expect(new.facts.sensors[0].lastMicrojoules > end.sensors[0].lastMicrojoules)
        }
    }

    /// A log that was restored from an older copy does not know the batch's anchor. The newest copy does.
    @Test func aLogThatIsNotTheNodesOwnForAWhileGetsTheSameBatchAgain() async throws {
        let refusal = Refusal(.chainFork, isPermanent: false, "the test restored an older copy")
        try await withNode(.init(refuses: [1: refusal])) { directory, aggregator, enrolment in
            let said = Mutex<[String]>([])
            try await aggregator.run { address in
                let agent = try agent(enrolment, aggregator, address) { line in said.withLock { $0.append(line) } }
                try await agent.run { await wait { aggregator.batches.count > 2 } }
            }
            let refusals = aggregator.state.refusals
            // Batches that were under way behind the refused one follow nothing, and come again with it.
            #expect(
                refusals.first == refusal
                    && refusals.dropFirst().allSatisfy { $0.code == .chainGap && !$0.isPermanent }, "\(refusals)")
            let batches = aggregator.batches
            #expect(batches.map(\.position.incarnation).allSatisfy { $0 == enrolment.incarnation })
            #expect(batches.map(\.position.sequence) == Array(0..<Int64(batches.count)))
            #expect(said.withLock { $0 }.contains { $0.contains("the test restored an older copy") })
        }
    }

    @Test func aRefusedBatchIsSignedAgainAsAnOutageOfANewChain() async throws {
        let refusal = Refusal(.overlap, "the test refuses it")
        try await withNode(.init(refuses: [1: refusal])) { directory, aggregator, enrolment in
            let counter = Meter.Counter()
            try await aggregator.run { address in
                try await run(enrolment, aggregator, address, counter) { $0.isConnected }
                try await run(enrolment, aggregator, address, counter) { $0.incarnation != enrolment.incarnation }
                try await run(enrolment, aggregator, address, counter) { $0.isConnected }
            }
            let batches = aggregator.batches
            let old = batches.filter { $0.position.incarnation == enrolment.incarnation }
            let new = batches.filter { $0.position.incarnation != enrolment.incarnation }
            #expect(old.count == 1 && new.first?.facts.state == .outage)
            #expect(new.first?.facts.interval.start == old.last?.facts.interval.end)
            #expect(new.first?.facts.sensors[0].firstMicrojoules == old.last?.facts.sensors[0].lastMicrojoules)
            #expect(try DurableFile.names(in: directory + "/spool/refused").contains { $0.hasSuffix("-1.note") })
        }
    }
}
