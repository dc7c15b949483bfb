import Energy
import Glibc
import Sensors
import Synchronization
import Testing

@testable import NodeAgent

/// A source that a test opens and shuts.
private struct Door: SensorSource {
    final class State: Sendable {
        struct Open: Sendable {
            var discovers = true
            var reads = true
            var value: Reading.Value = .counter(1)
            var reading = 0
        }
        let open = Mutex(Open())
        func set(_ change: (inout Open) -> Void) { open.withLock { change(&$0) } }
        /// A device that hangs holds the thread that asks it: there is no task to suspend. Each test opens its doors.
        func wait(_ condition: (Open) -> Bool) { while !open.withLock({ condition($0) }) { usleep(1000) } }
    }

    let name: String
    let isSlow: Bool
    let state: State
    var part = FoundSensor.Part.package(0, die: nil)

    mutating func discover() -> SourceReport {
        state.wait(\.discovers)
        let description = SensorDescription(
            id: name + ":0", kind: name, layer: .package, provenance: .counter,
            quantity: .microjouleCounter(modulus: nil), maximumPowerMicrowatts: 1_000_000_000)
        return SourceReport(
            source: name,
            sensors: [
                FoundSensor(
                    description: description, part: .other(name), measurementPoint: "", place: "", costMicroseconds: 1)
            ])
    }

    mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        state.set { $0.reading += 1 }
        state.wait(\.reads)
        let value = state.open.withLock { $0.value }
        readings.append(.init(sensor: 0, reading: Reading(monotonicNanoseconds: nowNanoseconds, value: value)))
    }
}

@Suite struct SamplerTests {
    private func values(_ sampler: borrowing Sampler) -> [String: Reading.Value] {
        Dictionary(sampler.samples.map { (sampler.descriptions[$0.sensor].id, $0.reading.value) }) { _, last in last }
    }

    /// A service that hangs while it is looked for, and one that hangs while it is read, delay nobody and are named.
    @Test func whatHangsDelaysNobody() {
        let (quick, silent, stuck) = (Door.State(), Door.State(), Door.State())
        silent.set { $0.discovers = false }
        stuck.set { $0.reads = false }
        defer {
            for state in [silent, stuck] { state.set { ($0.discovers, $0.reads) = (true, true) } }
        }
        let began = AgentEnvironment.bootNanoseconds()
        var sampler = Sampler(
            sources: [
                Door(name: "silent", isSlow: true, state: silent), Door(name: "quick", isSlow: false, state: quick),
                Door(name: "stuck", isSlow: true, state: stuck),
            ], patienceMilliseconds: 200)
        #expect(sampler.descriptions.map(\.id) == ["quick:0", "stuck:0"])
        #expect(sampler.report.reports[0].absence?.reason.contains("not answered yet") == true)
        stuck.wait { $0.reading > 0 }
        for tick in Int64(0)..<30 {
            sampler.read(now: AgentEnvironment.bootNanoseconds() + tick * 1_000_000_000)
            #expect(values(sampler)["quick:0"] == .counter(1))
            // Ten seconds after it was asked.
            if tick < 9 { #expect(values(sampler)["stuck:0"] == nil) }
            if tick > 11, sampler.samples.count > 1 { #expect(values(sampler)["stuck:0"] == .unreadable(.timedOut)) }
        }
        #expect(AgentEnvironment.bootNanoseconds() - began < 5_000_000_000)
        // The answer that comes late is taken when it comes.
        silent.set { $0.discovers = true }
        while !sampler.isOutdated { sampler.update() }
        #expect(sampler.descriptions.map(\.id) == ["quick:0", "stuck:0"])
        sampler.adopt()
        #expect(sampler.descriptions.map(\.id) == ["silent:0", "quick:0", "stuck:0"])
        sampler.stop()
    }

    @Test func aShortWrapShortensTheTick() {
        let state = Door.State()
        let bounds = ["quick:0": Int64(1_000_000_000_000)]
        let sampler = Sampler(
            sources: [Door(name: "quick", isSlow: false, state: state)], maximumPowerMicrowatts: bounds)
        #expect(sampler.descriptions[0].maximumPowerMicrowatts == 1_000_000_000_000)
        #expect(sampler.tickMilliseconds == 1000)
        var description = sampler.descriptions[0]
        description.quantity = .microjouleCounter(modulus: 1_000_000_000)
        description.bound(maximumPowerMicrowatts: 1_000_000_000)
        // 1,000 J at 1,000 W wrap in a second.
        #expect(description.periodMilliseconds == 250)
        sampler.stop()
    }
}
