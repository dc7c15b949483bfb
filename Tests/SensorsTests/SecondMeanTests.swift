import Energy
import SeededRandom
import Testing

@testable import Sensors

@Suite struct SecondMeanTests {
    private func reading(_ milliseconds: Int64, _ value: Reading.Value, breaksEpoch: Bool = false) -> SensorReading {
        SensorReading(
            sensor: 3, reading: Reading(monotonicNanoseconds: milliseconds * 1_000_000, value: value),
            breaksEpoch: breaksEpoch)
    }

    /// A load of 100 W and 700 W in turn, each for half a second: asked once a second it would be one of the two for as
    /// long as the clocks agree.
    @Test func anAlternatingLoadIsItsMean() {
        var random = SeededRandom(seed: 5)
        var mean = SecondMean(pollMilliseconds: 100)
        var integral = PowerIntegral(rule: .trapezoid)
        var time: Int64 = 0
        var span: (first: Int64, last: Int64)?
        for _ in 0..<6000 {
            time += Int64.random(in: 75...125, using: &random)
            let power: Int64 = time / 500 % 2 == 0 ? 100_000_000 : 700_000_000
            guard let kept = mean.take(reading(time, .power(power))), case .power(let shown) = kept.reading.value else {
                continue
            }
            #expect(kept.sensor == 3)
            #expect((100_000_000...700_000_000).contains(shown))
            let instant = kept.reading.monotonicNanoseconds
            let isTaken = integral.add(nanoseconds: instant, microwatts: shown)
            #expect(isTaken)
            span = (span?.first ?? instant, instant)
        }
        let seconds = ((span?.last ?? 0) - (span?.first ?? 0)) / 1_000_000_000
        #expect(seconds > 580)
        // 400 W.
        let error = integral.microjoules - seconds * 400_000_000
        #expect(error.magnitude < UInt64(seconds) * 4_000_000, "\(error) µJ in \(seconds) s")
    }

    @Test func oneReadingASecondStandsInTheMiddleOfIts() {
        var mean = SecondMean(pollMilliseconds: 100)
        var kept: [SensorReading] = []
        for poll in Int64(0)..<33 { if let one = mean.take(reading(poll * 100, .power(poll))) { kept.append(one) } }
        #expect(kept.map(\.reading.monotonicNanoseconds) == [500_000_000, 1_600_000_000, 2_700_000_000])
        #expect(kept.map(\.reading.value) == [.power(5), .power(16), .power(27)])
    }

    @Test func statesAndCountersAreThinnedAndEpochsAreNotLost() {
        var mean = SecondMean(pollMilliseconds: 100)
        let readings = [
            reading(0, .unreadable(.gone)), reading(100, .unreadable(.gone)),
            reading(200, .counter(7), breaksEpoch: true), reading(900, .counter(8)), reading(1000, .counter(9)),
            reading(2000, .counter(10)),
        ]
        var kept: [SensorReading] = []
        for reading in readings { if let one = mean.take(reading) { kept.append(one) } }
        #expect(kept.map(\.reading.value) == [.unreadable(.gone), .counter(9), .counter(10)])
        #expect(kept.map(\.breaksEpoch) == [false, true, false])
    }

    @Test func howOftenASensorIsAsked() {
        func polls(_ refresh: Int64, _ quantity: SensorDescription.Quantity) -> Int64 {
            SensorDescription(
                id: "a", kind: "a", layer: .gpu, provenance: .integrated, quantity: quantity, maximumPowerMicrowatts: 1,
                refreshMilliseconds: refresh, periodMilliseconds: max(1000, refresh)
            ).pollMilliseconds
        }
        #expect(polls(50, .power(rule: .trapezoid)) == 100)
        #expect(polls(250, .power(rule: .trapezoid)) == 250)
        #expect(polls(1000, .power(rule: .trapezoid)) == 1000)
        #expect(polls(5000, .power(rule: .trapezoid)) == 5000)
        #expect(polls(100, .microjouleCounter()) == 1000)
    }
}
