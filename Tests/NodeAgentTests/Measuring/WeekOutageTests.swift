import Batches
import Energy
import Testing
import TransparencyLog

@testable import NodeAgent

/// An aggregator that stays away: the spool is bounded, and gives up the readings' shape, then time resolution, never
/// energy and never a note that was signed.
@Suite struct WeekOutageTests {
    private struct Course {
        var node: SimulatedNode
        var writer: ChainWriter
        var spool: SpoolState
        var notes: [SpoolItem] = []
        /// By how full the spool was when they were signed.
        var longest: [SpoolState.Pressure: Int64] = [:]
        var mostBytes = 0
        private var taken = 0

        init(capacityBytes: Int) throws {
            node = SimulatedNode(seed: 3, startUTC: UTCTime(hour: 500_000).microseconds)
            writer = ChainWriter(
                log: "log.example/acme", node: "n1", incarnation: 1, nextSequence: 0, previous: .leaf(of: []),
                key: try SigningKey(name: "n1", seed: Array(repeating: 5, count: 32)))
            spool = SpoolState(capacityBytes: capacityBytes)
        }

        /// One step of the measuring thread: reads, signs what is over, feels how full the spool is.
        mutating func step(seconds: Int64) throws {
            node.session.relieve(spool.pressure)
            node.tick(nanoseconds: seconds * 1_000_000_000)
            for interval in node.intervals[taken...] {
                let entry = try writer.sign(
                    interval.facts, samples: interval.samples, anchor: nil, boot: "b", clock: interval.clock,
                    salt: Array(repeating: 0, count: 16))
                longest[spool.pressure] = max(
                    longest[spool.pressure] ?? 0, interval.facts.durationNanoseconds / 1_000_000_000)
                notes.append(SpoolItem(entry))
                _ = spool.add(SpoolItem(entry))
                mostBytes = max(mostBytes, spool.byteCount)
            }
            taken = node.intervals.count
        }
    }

    /// Notes of the standard batch, 13 sensors and two jobs every 30 s, fill less than nine tenths of 64 MiB in a week:
    /// blocks of readings go, and on the last day batches of 30 s become batches of 300 s.
    @Test func aWeekOfTheStandardBatchFitsIntoTheDefault() throws {
        var course = try Course(capacityBytes: SpoolState.defaultCapacityBytes)
        course.node.change(Array(SimulatedNode.jobs[..<2]))
        for _ in 0..<70 { course.node.tick() }
        let interval = try #require(course.node.intervals.last)
        var facts = interval.facts
        facts.sensors = (0..<13).map { number in
            let line = interval.facts.sensors[0]
            return SensorFacts(
                id: "nvml:GPU-00000000-0000-0000-0000-0000000000\(number)", kind: "nvml", layer: .gpu,
                within: "dcmi:node", provenance: .counter, epoch: 3, firstMicrojoules: 1 << 50,
                lastMicrojoules: 1 << 51, readings: 30, longestGapMilliseconds: line.longestGapMilliseconds,
                bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 60_000,
                flags: line.flags)
        }
        let entry = try course.writer.sign(
            facts, samples: interval.samples, anchor: TreeHead(size: 1 << 40, root: .leaf(of: [])),
            boot: "00000000-0000-0000-0000-000000000000", clock: interval.clock, salt: Array(repeating: 0, count: 16))
        #expect(facts.allocations.count == 2)
        #expect(entry.note.count * 7 * 2880 * 10 < SpoolState.defaultCapacityBytes * 9, "\(entry.note.count) bytes")
    }

    @Test func aWeekInTheSmallestSpoolLosesShapeAndThenResolutionAndNoEnergy() throws {
        var course = try Course(capacityBytes: SpoolState.minimumCapacityBytes)
        course.node.change([SimulatedNode.jobs[0]])
        for _ in 0..<(7 * 86_400 / 10) { try course.step(seconds: 10) }
        let held = course.spool
        #expect(course.longest[.none] == 30 && course.longest[.dropsBlocks] == 30)
        #expect(course.longest[.longBatches] == 300 && course.longest[.hourlyBatches] == 3600)
        #expect(held.droppedBlocks > 0 && held.pressure >= .hourlyBatches)
        // At the bound nothing is signed any more: it is passed by one batch at most.
        #expect(course.mostBytes < SpoolState.minimumCapacityBytes + 8192, "\(course.mostBytes)")
        #expect(course.notes.allSatisfy { held[$0.leaf]?.noteByteCount == $0.noteByteCount })
        // The aggregator is back and takes everything.
        for note in course.notes { _ = course.spool.remove(note.leaf) }
        for _ in 0..<12 { try course.step(seconds: 10) }
        course.node.finish()
        for index in course.node.counters.indices {
            let sum = course.node.intervals.reduce(0) { $0 + $1.facts.sensors[index].advanceMicrojoules }
            #expect(sum == course.node.consumed[index])
        }
        // Who held the node from before the first full second on keeps it through everything.
        let job = SimulatedNode.jobs[0]
        #expect(course.node.intervals.dropFirst().allSatisfy { $0.facts.allocations.map(\.job) == [job] })
    }
}
