import Accounts
import Batches
import Crypto
import Energy
import SeededRandom
import Testing
import TransparencyLog

@testable import NodeAgent

@Suite struct MeasuringSessionTests {
    /// Whatever happens to time, allocations, the clock and the readings: the intervals tile, every microjoule of a
    /// counter is in exactly one of them, and each follows from its own readings.
    @Test(arguments: 0..<120) func intervalsTileAndConserve(seed: UInt64) {
        var node = SimulatedNode(seed: seed, intervalSeconds: 5 + Int64(seed % 40))
        let start = node.now
        for _ in 0..<250 {
            switch node.random.next() % 40 {
            case 0: node.tick(clockStep: Int64(node.random.next() % 20_000_000) - 5_000_000)
            case 1: node.tick(nanoseconds: Int64(node.random.next() % 60) * 1_000_000_000)
            case 2, 3: node.change(SimulatedNode.jobs.filter { _ in node.random.next() % 2 == 0 })
            case 4:
                node.pass(nanoseconds: Int64(node.random.next() % 900_000_000))
                node.change(SimulatedNode.jobs.filter { _ in node.random.next() % 2 == 0 })
            case 5: node.tick(skipping: Int(node.random.next() % 4))
            case 6:
                // Long enough that cuts find the sensor without a reading behind them.
                let silent = Int(node.random.next() % 4)
                for _ in 0..<Int(node.random.next() % 90) { node.tick(skipping: silent) }
            default: node.tick()
            }
        }
        node.tick()
        node.finish()
        checkTiling(node.intervals, from: start, to: node.now, seed: seed)
        for index in node.counters.indices {
            let sum = node.intervals.reduce(0) { $0 + $1.facts.sensors[index].advanceMicrojoules }
            #expect(sum == node.consumed[index], "seed \(seed)")
        }
        for interval in node.intervals {
            let (postings, advances) = posted(interval.facts)
            #expect(postings == advances, "seed \(seed)")
            guard let samples = interval.samples else { continue }
            #expect(SampleCheck.refusal(of: samples.bytes, for: batch(interval)) == nil, "seed \(seed)")
        }
    }

    private func checkTiling(_ intervals: [MeasuringSession.Interval], from start: Moment, to end: Moment, seed: UInt64)
    {
        var utc = start.utc
        var nanoseconds = start.nanoseconds
        var values: [String: Int64] = [:]
        for interval in intervals {
            let facts = interval.facts
            #expect(facts.interval.start == utc && facts.monotonic?.startNanoseconds == nanoseconds, "seed \(seed)")
            #expect(facts.interval.end >= utc, "seed \(seed)")
            utc = facts.interval.end
            nanoseconds = facts.monotonic?.endNanoseconds ?? 0
            for sensor in facts.sensors {
                #expect(values[sensor.id, default: 0] == sensor.firstMicrojoules, "seed \(seed)")
                values[sensor.id] = sensor.lastMicrojoules
            }
        }
        #expect(nanoseconds == end.nanoseconds, "seed \(seed)")
    }

    private func posted(_ facts: IntervalFacts) -> (Int128, Int128) {
        let postings = AttributionRule.attribution1.post(facts).postings
        let roots = facts.sensors.filter { $0.within == nil }
        return (
            postings.reduce(0) { $0 + Int128($1.microjoules) }, roots.reduce(0) { $0 + $1.advanceMicrojoules }
        )
    }

    private func batch(_ interval: MeasuringSession.Interval) -> Batch {
        let block = interval.samples?.bytes ?? []
        return Batch(
            log: "log", node: "n", position: ChainPosition(incarnation: 0, sequence: 0), previous: .leaf(of: []),
            anchor: nil, boot: "b", clock: interval.clock, facts: interval.facts,
            samples: interval.samples.map {
                SampleCommitment(
                    readings: Int64($0.readingCount), byteCount: Int64(block.count),
                    sha256: Array(SHA256.hash(data: block)))
            }, salt: Array(repeating: 0, count: 16))
    }

    @Test func aFullHourEndsAnIntervalExactly() {
        // 12.5 s before an hour, ticks between the seconds.
        let hour = UTCTime(hour: 500_000)
        var node = SimulatedNode(seed: 1, startUTC: hour.microseconds - 12_500_000)
        for _ in 0..<40 { node.tick() }
        #expect(node.intervals.first?.facts.interval.end == hour)
        #expect(node.intervals.allSatisfy { $0.facts.interval.start.hour == $0.facts.interval.lastHour })
    }

    @Test func theIntervalEndsOnTimeAndIsGivenOutWithTheNextReading() {
        var node = SimulatedNode(seed: 2)
        for _ in 0..<30 { node.tick() }
        #expect(node.intervals.count == 1)
        #expect(node.intervals.first?.facts.durationNanoseconds == 30_000_000_000)
        #expect(node.intervals.first?.facts.sensors.map(\.readings) == [30, 30, 30, 30])
        #expect(node.intervals.first?.facts.host?.millicores == 4000)
    }

    /// A slow sensor lets several cuts become ready at once; a job in a later one may have no name yet.
    @Test func whatEndsBehindALimitWaits() {
        var node = SimulatedNode(seed: 8)
        for _ in 0..<3 { node.tick() }
        var edges: [UTCTime] = []
        for jobs in [["a"], ["a", "b"]] {
            node.pass(nanoseconds: 2_000_000_000)
            node.change(jobs)
            edges.append(node.now.utc)
        }
        node.pass(nanoseconds: 1_000_000_000)
        node.read()
        let now = node.now.nanoseconds
        let first = node.session.takeReady(at: now, until: edges[0])
        let again = node.session.takeReady(at: now, until: edges[0])
        let rest = node.session.takeReady(at: now)
        #expect(first.map(\.facts.interval.end) == [edges[0]] && again.isEmpty)
        #expect(rest.map(\.facts.interval.end) == [edges[1]])
    }

    @Test func aSensorWithoutAReadingIsHeldAfterFifteenSeconds() {
        var node = SimulatedNode(seed: 3)
        for _ in 0..<25 { node.tick() }
        for _ in 0..<19 { node.tick(skipping: 1) }
        #expect(node.intervals.isEmpty)
        node.tick(skipping: 1)
        let sensors = node.intervals.first?.facts.sensors ?? []
        #expect(sensors.map { $0.flags.contains(.held) } == [false, true, false, false])
    }

    /// Intervals shorter than a cut waits for a silent sensor: there is always one that waits, and the set of sensors
    /// could never change.
    @Test(arguments: [true, false]) func aSilentSensorDelaysAChangeOfTheNodeNoLongerThanThePatience(isLost: Bool) {
        var node = SimulatedNode(seed: 5, intervalSeconds: 5)
        for _ in 0..<12 { node.tick() }
        for _ in 0..<40 {
            node.tick(skipping: 1)
            guard node.now.nanoseconds - 5_012_000_000_000 > 5_000_000_000 else { continue }
            #expect(node.session.hasPendingCut)
        }
        node.session.change = MeasuringSession.Change(
            lost: isLost ? ["rapl:package-1"] : [], sinceNanoseconds: node.now.nanoseconds)
        var ticks = 0
        while node.session.hasPendingCut, ticks < 60 {
            node.tick(skipping: 1)
            ticks += 1
        }
        #expect(ticks == (isLost ? 1 : 15))
        #expect(node.session.replaceTracks { _, known in known.filter { $0.description.id != "rapl:package-1" } })
        #expect(node.session.change == nil)
        for index in [0, 2] {
            let sum = node.intervals.reduce(0) { $0 + $1.facts.sensors[index].advanceMicrojoules }
            #expect(sum <= node.consumed[index] && node.consumed[index] - sum < 10_000_000)
        }
    }

    @Test func changesUnderASecondApartAreOneCutWithWeights() {
        var node = SimulatedNode(seed: 4)
        let jobs = SimulatedNode.jobs
        for _ in 0..<3 { node.tick() }
        node.change([jobs[0]])
        node.pass(nanoseconds: 300_000_000)
        node.change([jobs[1]])
        for _ in 0..<80 { node.tick() }
        #expect(node.intervals[0].facts.allocations.isEmpty)
        let joined = node.intervals[1].facts
        let holds = Dictionary(uniqueKeysWithValues: joined.allocations.map { ($0.job, $0.heldNanoseconds) })
        #expect(holds == [jobs[0]: 300_000_000, jobs[1]: 700_000_000])
        // No longer than it must be: weights by time blur what lies between them.
        #expect(joined.durationNanoseconds == 1_000_000_000)
        #expect(node.intervals[2].facts.allocations.map(\.heldNanoseconds) == [nil])
    }

    @Test func aSetClockEndsTheIntervalAtTheLastTick() {
        var node = SimulatedNode(seed: 5)
        for _ in 0..<10 { node.tick() }
        let last = node.now
        node.tick(clockStep: 7_000_000)
        for _ in 0..<31 { node.tick() }
        #expect(node.intervals[0].facts.interval.end == last.utc)
        #expect(node.intervals[1].facts.interval.durationMicroseconds == 37_000_000)
        #expect(node.intervals[1].facts.durationNanoseconds == 30_000_000_000)
        // Set back: no interval ends before it begins.
        node.tick(clockStep: -3_600_000_000)
        for _ in 0..<80 { node.tick() }
        #expect(node.intervals.allSatisfy { $0.facts.interval.durationMicroseconds >= 0 })
    }

    /// Until a clock that was set back by an hour has caught up, intervals have no UTC; they are measured all the same.
    @Test func aClockThatIsSetBackTakesNoMeasuredTime() {
        var node = SimulatedNode(seed: 7)
        let start = node.now
        for _ in 0..<15 { node.tick() }
        node.tick(clockStep: -3_600_000_000)
        for _ in 0..<60 { node.tick() }
        node.finish()
        let covered = node.intervals.reduce(0) { $0 + $1.facts.coveredMilliseconds }
        #expect(covered == (node.now.nanoseconds - start.nanoseconds) / 1_000_000)
        #expect(node.intervals.last?.facts.interval.durationMilliseconds == 0)
    }

    @Test func aFullSpoolKeepsOneIntervalOpenInConstantMemory() {
        var node = SimulatedNode(seed: 6)
        for _ in 0..<20 { node.tick() }
        node.session.relieve(.keepsOpen)
        for second in 0..<4000 {
            node.tick()
            if second == 2000 { node.change([SimulatedNode.jobs[0]]) }
        }
        #expect(node.intervals.isEmpty)
        node.session.relieve(.none)
        node.tick()
        node.tick()
        #expect(node.intervals.count == 1)
        let facts = node.intervals[0].facts
        #expect(facts.state == .outage && node.intervals[0].samples == nil)
        // Who drew what inside of it is not known: only a hold of all of it counts.
        #expect(facts.allocations.isEmpty)
        node.finish()
        let sum = node.intervals.reduce(0) { $0 + $1.facts.sensors[0].advanceMicrojoules }
        #expect(sum == node.consumed[0])
    }

    @Test func highPressureMakesIntervalsOfAnHourWithoutBlocks() {
        var node = SimulatedNode(seed: 7, startUTC: UTCTime(hour: 500_000).microseconds)
        node.session.relieve(.hourlyBatches)
        for _ in 0..<7201 { node.tick() }
        #expect(node.intervals.map(\.facts.durationNanoseconds) == [3_600_000_000_000, 3_600_000_000_000])
        #expect(node.intervals.allSatisfy { $0.samples == nil && $0.facts.state == .measured })
        #expect(node.intervals[0].facts.sensors[0].readings == 3600)
    }

    @Test(arguments: 0..<20) func aRestartLosesNoEnergyOfACounter(seed: UInt64) throws {
        var node = SimulatedNode(seed: seed)
        for _ in 0..<Int(40 + seed * 7) { node.tick() }
        let last = try #require(node.intervals.last)
        let point = ResumePoint(boot: "b", continuations: last.continuations)
        let restored = try #require(ResumePoint(bytes: point.bytes))
        #expect(restored == point)
        // The agent dies; the node works on.
        node.pass(nanoseconds: 700_000_000_000)
        let end = Moment(
            nanoseconds: try #require(last.facts.monotonic).endNanoseconds, utc: last.facts.interval.end)
        node.session = MeasuringSession(
            settings: .init(intervalSeconds: 30), start: end, now: node.now,
            tracks: zip(SimulatedNode.sensors, restored.continuations).map {
                SensorTrack($0, continuing: $1, isSameBoot: true, at: end.nanoseconds)
            }, clock: last.clock, usage: node.usage)
        for _ in 0..<50 { node.tick() }
        node.finish()
        let outage = try #require(node.intervals.first { $0.facts.state == .outage })
        #expect(outage.facts.interval.start == last.facts.interval.end)
        for index in node.counters.indices {
            let sum = node.intervals.reduce(0) { $0 + $1.facts.sensors[index].advanceMicrojoules }
            #expect(sum == node.consumed[index], "seed \(seed)")
        }
        #expect(outage.facts.sensors[..<3].allSatisfy { $0.missingMilliseconds == 0 && $0.bridgedMilliseconds > 0 })
        #expect(outage.facts.sensors[3].epoch > last.facts.sensors[3].epoch)
    }

    @Test func afterAnotherBootTheCountersBeginANewEpochAndNothingIsAdded() throws {
        var node = SimulatedNode(seed: 8)
        for _ in 0..<80 { node.tick() }
        let last = try #require(node.intervals.last)
        let before = node.intervals.reduce(0) { $0 + $1.facts.sensors[0].advanceMicrojoules }
        node.counters = [5, 5, 5]
        node.now.nanoseconds = 60_000_000_000
        let start = Moment(nanoseconds: 0, utc: last.facts.interval.end)
        node.session = MeasuringSession(
            settings: .init(intervalSeconds: 30), start: start, now: node.now,
            tracks: zip(SimulatedNode.sensors, last.continuations).map {
                SensorTrack($0, continuing: $1, isSameBoot: false, at: 0)
            }, clock: last.clock, usage: NodeUsage(busyMicroseconds: 0, millicores: 4000))
        node.read()
        node.settle()
        let outage = try #require(node.intervals.last)
        #expect(outage.facts.state == .outage && outage.facts.sensors[0].advanceMicrojoules == 0)
        #expect(outage.facts.sensors[0].epoch == last.facts.sensors[0].epoch + 1)
        #expect(outage.facts.sensors[0].missingMilliseconds > 0)
        let sum = node.intervals.reduce(0) { $0 + $1.facts.sensors[0].advanceMicrojoules }
        #expect(sum == before)
    }

    @Test func aNewIncarnationSignsAgainWhatTheLogDidNotTake() throws {
        var node = SimulatedNode(seed: 9)
        for _ in 0..<100 { node.tick() }
        let taken = node.intervals[0]
        let refused = node.intervals[1]
        node.session.isSuspended = true
        for _ in 0..<400 { node.tick() }
        #expect(node.intervals.count == 3)
        node.session.isSuspended = false
        let values = Dictionary(
            uniqueKeysWithValues: refused.facts.sensors.map { ($0.id, $0.firstMicrojoules) })
        let begin = Moment(
            nanoseconds: try #require(refused.facts.monotonic).startNanoseconds, utc: refused.facts.interval.start)
        node.session.reopen(at: begin, values: values, usage: node.usage)
        for _ in 0..<80 { node.tick() }
        node.finish()
        let again = Array(node.intervals[3...])
        #expect(again.first?.facts.state == .outage)
        #expect(again.first?.facts.interval.start == taken.facts.interval.end)
        for index in node.counters.indices {
            let sum = ([taken] + again).reduce(0) { $0 + $1.facts.sensors[index].advanceMicrojoules }
            #expect(sum == node.consumed[index])
        }
    }
}
