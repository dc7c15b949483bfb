import Energy
import SeededRandom
import Testing

private func reading(_ raw: UInt64, at seconds: Int64) -> Reading {
    Reading(monotonicNanoseconds: seconds * 1_000_000_000, value: .counter(raw))
}

@Suite struct ExtendedCounterTests {
    /// A package counter of 65,536 J at 300 W at most.
    private func package() -> ExtendedCounter {
        ExtendedCounter(modulus: 65_536_000_000, maximumPowerMicrowatts: 300_000_000)
    }

    @Test func firstReadingIsNeverConsumption() {
        var counter = package()
        let step = counter.take(reading(65_000_000_000, at: 5)).step
        #expect(step == .first)
        #expect(counter.extendedMicrojoules == 0)
    }

    @Test func advancesByTheDifference() {
        var counter = package()
        _ = counter.take(reading(1_000_000, at: 0))
        var step = counter.take(reading(101_000_000, at: 1)).step
        #expect(step == .advanced(microjoules: 100_000_000))
        step = counter.take(reading(101_000_000, at: 2)).step
        #expect(step == .stale)
        #expect(counter.extendedMicrojoules == 100_000_000)
    }

    @Test func wrapNeedsProofByTimeAndPower() {
        var proven = package()
        _ = proven.take(reading(65_535_000_000, at: 0))
        var step = proven.take(reading(99_000_000, at: 1)).step
        #expect(step == .wrapped(microjoules: 100_000_000))
        #expect(proven.epoch == 0)

        var tooFast = package()
        _ = tooFast.take(reading(65_000_000_000, at: 0))
        step = tooFast.take(reading(99_000_000, at: 1)).step
        #expect(step == .reset)
        #expect((tooFast.epoch, tooFast.extendedMicrojoules) == (1, 0))

        // 65,536 J at 300 W take 218 s: after that more than one wrap is possible, so one is not proven.
        var tooLong = package()
        _ = tooLong.take(reading(65_535_000_000, at: 0))
        step = tooLong.take(reading(99_000_000, at: 219)).step
        #expect(step == .reset)
    }

    @Test func counterWithoutModulusOnlyResets() {
        var counter = ExtendedCounter(
            microjoulesNumerator: 1000, modulus: nil, maximumPowerMicrowatts: 1_000_000_000)
        _ = counter.take(reading(5000, at: 0))
        var step = counter.take(reading(5500, at: 1)).step
        #expect(step == .advanced(microjoules: 500_000))
        step = counter.take(reading(10, at: 2)).step
        #expect(step == .reset)
        step = counter.take(reading(20, at: 3)).step
        #expect(step == .advanced(microjoules: 10_000))
        #expect((counter.extendedMicrojoules, counter.epoch) == (510_000, 1))
    }

    @Test func impossibleAdvanceIsKeptAndMarked() {
        var counter = package()
        _ = counter.take(reading(0, at: 0))
        let taken = counter.take(reading(301_000_000, at: 1))
        #expect(taken.step == .advanced(microjoules: 301_000_000) && taken.suspect)
    }

    @Test func unreadableKeepsTheLastValue() {
        var counter = package()
        _ = counter.take(reading(0, at: 0))
        let missed = Reading(monotonicNanoseconds: 1_000_000_000, value: .unreadable(.denied))
        var step = counter.take(missed).step
        #expect(step == .unreadable(.denied))
        step = counter.take(reading(200_000_000, at: 2)).step
        #expect(step == .advanced(microjoules: 200_000_000))
    }

    @Test func fractionsOfAMicrojouleAreCarried() {
        // 15.3 µJ a unit, as the AMD accelerator counter has it.
        var counter = ExtendedCounter(
            microjoulesNumerator: 153, microjoulesDenominator: 10, modulus: nil, maximumPowerMicrowatts: 1_000_000_000)
        _ = counter.take(reading(0, at: 0))
        for second in 1...10 { _ = counter.take(reading(UInt64(second), at: Int64(second))) }
        #expect(counter.extendedMicrojoules == 153)
    }

    @Test func garbageNeverTraps() {
        var counter = ExtendedCounter(
            microjoulesNumerator: ExtendedCounter.unitBound, modulus: .max,
            maximumPowerMicrowatts: ExtendedCounter.powerBoundMicrowatts)
        let values: [UInt64] = [0, .max, 1, .max - 1, 0, .max / 2]
        let times: [Int64] = [.min, .max, 0, -1, .max, .min]
        for (value, time) in zip(values, times) {
            _ = counter.take(Reading(monotonicNanoseconds: time, value: .counter(value)))
        }
        #expect(counter.extendedMicrojoules >= 0)
    }

    @Test(arguments: 0..<64) func randomHistoryMatchesTheTruth(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let modulus: UInt64 = 65_536_000_000
        var counter = package()
        var truth: UInt64 = random.next() % modulus
        let start = truth
        var lost: UInt64 = 0
        _ = counter.take(reading(truth % modulus, at: 0))
        for second in 1...2000 {
            let step = random.next() % 300_000_001
            truth += step
            if random.next() % 50 == 0 {
                let missed = Reading(monotonicNanoseconds: Int64(second) * 1_000_000_000, value: .unreadable(.failed))
                _ = counter.take(missed)
            } else {
                _ = counter.take(reading(truth % modulus, at: Int64(second)))
                lost = 0
                continue
            }
            lost += step
        }
        #expect(counter.extendedMicrojoules == Int64(truth - start - lost), "seed \(seed)")
        #expect(counter.epoch == 0)
    }
}
