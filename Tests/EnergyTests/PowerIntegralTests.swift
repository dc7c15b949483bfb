import Energy
import SeededRandom
import Testing

@Suite struct PowerIntegralTests {
    private static let millisecond: Int64 = 1_000_000

    @Test func rightRectangleIsTheLaterReading() {
        var integral = PowerIntegral(rule: .right)
        _ = integral.add(nanoseconds: 0, microwatts: 5_000_000)
        _ = integral.add(nanoseconds: 2005 * Self.millisecond, microwatts: 3_000_000)
        #expect(integral.microjoules == 2005 * 3000)
    }

    @Test func trapezoidKeepsHalves() {
        var integral = PowerIntegral(rule: .trapezoid)
        _ = integral.add(nanoseconds: 0, microwatts: 1)
        _ = integral.add(nanoseconds: 1_000_000_000, microwatts: 2)
        #expect(integral.microjoules == 1)
        _ = integral.add(nanoseconds: 2_000_000_000, microwatts: 1)
        #expect(integral.microjoules == 3)
    }

    @Test func negativePowerRoundsDownOnce() {
        var integral = PowerIntegral(rule: .right)
        _ = integral.add(nanoseconds: 0, microwatts: 0)
        _ = integral.add(nanoseconds: 500_000_000, microwatts: -1)
        #expect(integral.microjoules == -1)
        _ = integral.add(nanoseconds: 1_000_000_000, microwatts: -1)
        #expect(integral.microjoules == -1)
    }

    @Test func refusesWhatItCannotOrderOrBelieve() {
        var integral = PowerIntegral(rule: .trapezoid)
        let taken = [(10, 1), (9, 1), (11, Int64.min), (10, 7)].map {
            integral.add(nanoseconds: $0.0, microwatts: $0.1)
        }
        #expect(taken == [true, false, false, true])
        #expect(integral.microjoules == 0)
    }

    /// The value at a cut is the exact rational integral rounded down once.
    @Test(arguments: 0..<64) func cutsMatchAnExactOracle(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rule: IntegrationRule = seed.isMultiple(of: 2) ? .trapezoid : .right
        var integral = PowerIntegral(rule: rule)
        var time: Int64 = 1_715_898_649_339 * Self.millisecond
        var power = Int64(random.next() % 6_000_000_000)
        _ = integral.add(nanoseconds: time, microwatts: power)
        var exact: Int128 = 0  // in µW·ns·2
        for _ in 0..<200 {
            let span = Int64(random.next() % 20_000) * Self.millisecond
            let nextPower = Int64(random.next() % 6_000_000_000) - 50_000_000
            if span > 0 {
                let elapsed = Int64(random.next() % UInt64(span))
                let next = (nanoseconds: time + span, microwatts: nextPower)
                let value = try #require(integral.microjoules(at: time + elapsed, next: next))
                let part: Int128 =
                    rule == .right
                    ? 2 * Int128(elapsed) * Int128(nextPower) * Int128(span)
                    : 2 * Int128(elapsed) * Int128(power) * Int128(span)
                        + Int128(elapsed) * Int128(elapsed) * Int128(nextPower - power)
                let oracle = floorDivide(exact * Int128(span) + part, by: Int128(span) * 2_000_000_000)
                #expect(value == Int64(oracle), "seed \(seed)")
            }
            let taken = integral.add(nanoseconds: time + span, microwatts: nextPower)
            try #require(taken)
            exact += Int128(span) * (rule == .right ? 2 * Int128(nextPower) : Int128(power) + Int128(nextPower))
            time += span
            power = nextPower
            #expect(integral.microjoules == Int64(floorDivide(exact, by: 2_000_000_000)), "seed \(seed)")
        }
    }

    @Test func wideDivisionRoundsTowardsMinusInfinity() {
        #expect(floorMultiplyDivide(7, -3, by: 2) == -11)
        #expect(floorMultiplyDivide(-7, -3, by: 2) == 10)
        #expect(floorMultiplyDivide(0, -3, by: 2) == 0)
        #expect(floorMultiplyDivide(.max, .max, by: .max) == .max)
        #expect(floorMultiplyDivide(.max, .max, by: 1) == nil)
    }
}
