import Energy
import SeededRandom
import Testing

/// Histories of a counter that wraps, resets, freezes, jumps, fails and is unplugged, against a plain oracle that keeps
/// every reading and adds up afterwards.
@Suite struct CounterOracleTests {
    struct Hardware {
        var modulus: UInt64?
        var numerator: Int64
        var denominator: Int64
        var maximumPower: Int64
    }

    enum Event {
        case reading(raw: UInt64, nanoseconds: Int64)
        case failure(nanoseconds: Int64)
        case unplugged
    }

    static let kinds = [
        Hardware(modulus: 262_143_328_850, numerator: 1, denominator: 1, maximumPower: 525_000_000),
        Hardware(modulus: 65_532_610_987, numerator: 1, denominator: 1, maximumPower: 400_000_000),
        Hardware(modulus: nil, numerator: 1000, denominator: 1, maximumPower: 1_050_000_000),
        Hardware(modulus: nil, numerator: 15_300, denominator: 1000, maximumPower: 2_250_000_000),
        Hardware(modulus: 1 << 32, numerator: 15_625, denominator: 1024, maximumPower: 1_000_000_000),
    ]

    /// Units since the start of each epoch, by the rule of RULES section 2 read off the whole list.
    private func oracle(_ events: [Event], _ hardware: Hardware) -> (total: Int128, epochs: Int, wraps: Int) {
        var epochs: [Int128] = [0]
        var last: (raw: UInt64, nanoseconds: Int64)?
        var wraps = 0
        for event in events {
            switch event {
            case .failure: continue
            case .unplugged:
                if last != nil { epochs.append(0) }
                last = nil
            case .reading(let raw, let nanoseconds):
                defer { last = (raw, nanoseconds) }
                guard let before = last else { continue }
                let elapsed = Int128(nanoseconds - before.nanoseconds)
                if raw >= before.raw {
                    epochs[epochs.count - 1] += Int128(raw - before.raw)
                    continue
                }
                // µW · ns / 10^9 = µJ, rounded down.
                let possible = elapsed * Int128(hardware.maximumPower) / 1_000_000_000
                let scale = (Int128(hardware.numerator), Int128(hardware.denominator))
                if let modulus = hardware.modulus {
                    let units = Int128(modulus) - Int128(before.raw) + Int128(raw)
                    if units * scale.0 <= possible * scale.1, possible * scale.1 < Int128(modulus) * scale.0 {
                        epochs[epochs.count - 1] += units
                        wraps += 1
                        continue
                    }
                }
                epochs.append(0)
            }
        }
        let numerator = Int128(hardware.numerator)
        let denominator = Int128(hardware.denominator)
        return (epochs.reduce(0) { $0 + $1 * numerator / denominator }, epochs.count, wraps)
    }

    private func history(_ hardware: Hardware, random: inout SeededRandom) -> [Event] {
        var events: [Event] = []
        var now: Int64 = 0
        var raw = random.next() % (hardware.modulus ?? 1_000_000_000)
        for _ in 0..<4000 {
            let elapsed = Int64(1 + random.next() % 40_000) * 1_000_000
            now += elapsed
            let possible =
                Int128(elapsed) * Int128(hardware.maximumPower) / 1_000_000_000 * Int128(hardware.denominator)
                / Int128(hardware.numerator)
            switch random.next() % 40 {
            case 0: events.append(.failure(nanoseconds: now))
            case 1: events.append(.unplugged)
            case 2: raw = random.next() % 1000  // reset
            case 3: break  // frozen
            case 4: raw &+= UInt64(possible) * 3  // a jump above what the part can draw
            case 5: now += 3_600_000_000_000  // a hole in which it may wrap many times
            default: raw += random.next() % UInt64(max(1, possible))
            }
            if let modulus = hardware.modulus { raw %= modulus }
            events.append(.reading(raw: raw, nanoseconds: now))
        }
        return events
    }

    @Test(arguments: 0..<60) func totalsEqualTheOracle(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let hardware = Self.kinds[Int(seed) % Self.kinds.count]
        let events = history(hardware, random: &random)
        var counter = ExtendedCounter(
            microjoulesNumerator: hardware.numerator, microjoulesDenominator: hardware.denominator,
            modulus: hardware.modulus, maximumPowerMicrowatts: hardware.maximumPower)
        var wraps = 0
        var isFirst = true
        for event in events {
            switch event {
            case .failure(let nanoseconds):
                let before = counter
                let reading = Reading(monotonicNanoseconds: nanoseconds, value: .unreadable(.failed))
                #expect(counter.take(reading).step == .unreadable(.failed) && counter == before)
            case .unplugged: counter.breakEpoch()
            case .reading(let raw, let nanoseconds):
                let before = counter.extendedMicrojoules
                let isEpochNew = counter.lastRaw == nil
                let (step, _) = counter.take(Reading(monotonicNanoseconds: nanoseconds, value: .counter(raw)))
                if case .wrapped = step { wraps += 1 }
                // What opens an epoch is never consumption.
                if isFirst || isEpochNew || step == .reset { #expect(counter.extendedMicrojoules == before) }
                isFirst = false
            }
        }
        let expected = oracle(events, hardware)
        #expect(Int128(counter.extendedMicrojoules) == expected.total, "seed \(seed)")
        #expect(counter.epoch == Int64(expected.epochs - 1), "seed \(seed)")
        #expect(wraps == expected.wraps, "seed \(seed)")
    }

    /// Hundreds of wraps without a fault: nothing is lost, whatever the rhythm of reading.
    @Test(arguments: 0..<10) func hundredsOfWraps(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let modulus: UInt64 = 65_532_610_987
        var counter = ExtendedCounter(modulus: modulus, maximumPowerMicrowatts: 400_000_000)
        var truth = random.next() % modulus
        let start = truth
        var now: Int64 = 0
        var wraps = 0
        while wraps < 400 {
            _ = counter.take(Reading(monotonicNanoseconds: now, value: .counter(truth % modulus)))
            let milliseconds = Int64(1 + random.next() % 160_000)
            now += milliseconds * 1_000_000
            let before = truth / modulus
            truth += (random.next() % 400_000_001) * UInt64(milliseconds) / 1000
            wraps += Int(truth / modulus - before)
        }
        _ = counter.take(Reading(monotonicNanoseconds: now, value: .counter(truth % modulus)))
        #expect(counter.extendedMicrojoules == Int64(truth - start) && counter.epoch == 0, "seed \(seed)")
    }
}
