import Batches
import Energy
import SeededRandom

@testable import NodeAgent

/// A node with counters and a power sensor, whose time and allocations a test moves.
struct SimulatedNode {
    static let jobs = ["a", "b", "c"].map { Pseudonym.of(jobKey: "c/exec/\($0)@-", salt: []) }

    var random: SeededRandom
    var now: Moment
    /// What the hardware of each counter shows, in µJ.
    var counters: [UInt64] = [1_000_000, 77, 5_000_000_000]
    /// What the counters counted while they could be followed.
    var consumed: [Int128]
    var session: MeasuringSession
    var intervals: [MeasuringSession.Interval] = []
    var cpu: [String: Int64] = [:]
    var busy: Int64 = 0

    static let modulus: UInt64 = 262_143_328_850

    static let sensors: [SensorDescription] =
        (0..<3).map { index in
            SensorDescription(
                id: "rapl:package-\(index)", kind: "rapl", layer: .package, provenance: .counter,
                quantity: .microjouleCounter(modulus: modulus), maximumPowerMicrowatts: 1_000_000_000)
        } + [
            SensorDescription(
                id: "dcmi:node", kind: "dcmi", layer: .nodeDC, provenance: .integrated,
                quantity: .power(rule: .trapezoid), maximumPowerMicrowatts: 5_000_000_000)
        ]

    init(seed: UInt64, intervalSeconds: Int64 = 30, startUTC: Int64 = 1_715_921_879_469_000) {
        random = SeededRandom(seed: seed)
        now = Moment(nanoseconds: 5_000_000_000_000, utc: UTCTime(microseconds: startUTC))
        consumed = counters.map { _ in 0 }
        session = MeasuringSession(
            settings: .init(intervalSeconds: intervalSeconds), start: now, now: now,
            tracks: Self.sensors.map { SensorTrack($0, at: 5_000_000_000_000) },
            clock: ClockState(letter: .synchronised, errorMicroseconds: 100),
            usage: NodeUsage(busyMicroseconds: 0, millicores: 4000))
        read()
    }

    var usage: NodeUsage {
        NodeUsage(
            busyMicroseconds: busy, millicores: 4000,
            jobs: cpu.mapValues { NodeUsage.Job(cpuMicroseconds: $0, isActive: true) })
    }

    mutating func read(skipping skipped: Int? = nil) {
        for index in session.tracks.indices where index != skipped {
            let value: Reading.Value =
                index < counters.count
                ? .counter(counters[index]) : .power(300_000_000 + Int64(random.next() % 200_000_000))
            session.take(Reading(monotonicNanoseconds: now.nanoseconds, value: value), of: index)
        }
    }

    /// Lets time pass and reads.
    mutating func tick(nanoseconds: Int64 = 1_000_000_000, clockStep: Int64 = 0, skipping: Int? = nil) {
        pass(nanoseconds: nanoseconds, clockStep: clockStep)
        read(skipping: skipping)
        settle()
    }

    mutating func pass(nanoseconds: Int64, clockStep: Int64 = 0) {
        now = Moment(
            nanoseconds: now.nanoseconds + nanoseconds,
            utc: UTCTime(microseconds: now.utc.microseconds + nanoseconds / 1000 + clockStep))
        for index in counters.indices {
            let energy = UInt64(nanoseconds / 1_000_000) * (50_000 + random.next() % 250_000) / 1000
            consumed[index] += Int128(energy)
            let raw = counters[index] + energy
            counters[index] = raw > Self.modulus ? raw - Self.modulus : raw
        }
        busy += nanoseconds / 1000
        for job in session.holds.current.map(\.job) { cpu[job, default: 0] += nanoseconds / 3000 }
    }

    mutating func settle() {
        if session.isDue(at: now) {
            session.advance(to: now, clock: session.clock, usage: usage)
        } else {
            session.pass(to: now, clock: session.clock)
        }
        intervals += session.takeReady(at: now.nanoseconds)
    }

    mutating func change(_ jobs: [String]) {
        let allocations = jobs.map { Allocation(job: $0, mode: .shared, since: now.utc) }
        session.change(to: allocations, at: now, usage: usage)
    }

    mutating func finish() {
        session.finish(at: now, usage: usage)
        intervals += session.takeReady(at: .max, force: true)
    }
}
