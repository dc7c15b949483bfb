import Energy
import Testing

@testable import NodeAgent

@Suite struct DiscoveryTests {
    private let second: Int64 = 1_000_000_000

    private func sample(_ value: Reading.Value) -> Sampler.Sample {
        Sampler.Sample(sensor: 0, reading: Reading(monotonicNanoseconds: 0, value: value), breaksEpoch: false)
    }

    @Test func itComesEveryHour() {
        var discovery = Discovery()
        let due = (0..<7300).filter { discovery.isDue(at: Int64($0) * second, [sample(.counter(1))]) }
        #expect(due == [3600, 7200])
    }

    @Test func itComesAfterAMinuteWithoutASensorAndNotEveryTick() {
        var discovery = Discovery()
        let gone = sample(.unreadable(.gone))
        let due = (0..<200).filter {
            discovery.isDue(at: Int64($0) * second, [$0 > 10 ? gone : sample(.power(1))])
        }
        #expect(due == [71, 131, 191])
        // Only being gone counts: a sensor that may not be read will not be readable in a minute.
        var other = Discovery()
        #expect((0..<200).allSatisfy { !other.isDue(at: Int64($0) * second, [sample(.unreadable(.denied))]) })
    }

    @Test func otherNamesAndAHealedSensorAreSeenAtOnce() {
        var discovery = Discovery()
        var due: [Int] = []
        for tick in 0..<60 {
            let now = Int64(tick) * second
            let fingerprint: UInt64? = discovery.looksAround(at: now) ? (tick < 20 ? 1 : 2) : nil
            let value: Reading.Value = tick < 33 ? .unreadable(.denied) : .counter(1)
            if discovery.isDue(
                at: now, [sample(value)], unreadable: tick < 34 ? [0] : [], fingerprint: fingerprint)
            {
                due.append(tick)
            }
        }
        #expect(due == [20, 33])
    }

    @Test func sensorsThatComeAndGoKeepTheirEnergy() {
        var node = SimulatedNode(seed: 11)
        for _ in 0..<40 { node.tick() }
        node.finish()
        let isReplaced = node.session.replaceTracks { start, known in
            [known[0], known[2], known[3], SensorTrack(SimulatedNode.sensors[1], at: start)].map { $0 }
        }
        #expect(isReplaced)
        let gone = node.intervals.reduce(0) { $0 + $1.facts.sensors[1].advanceMicrojoules }
        #expect(gone == node.consumed[1])
        #expect(
            node.session.tracks.map(\.description.id) == [
                "rapl:package-0", "rapl:package-2", "dcmi:node", "rapl:package-1",
            ])
    }
}
