import Batches
import Energy
import SeededRandom
import Sensors
import Testing

@testable import NodeAgent

/// One sensor through wraps, resets, failures, freezes, jumps and unplugging, cut at any instant, against a plain
/// oracle that keeps every reading and adds up afterwards: what the intervals hold is the known energy to the
/// microjoule, and the time of which nothing is known is named to the millisecond.
@Suite struct SensorTrackOracleTests {
    private enum Event {
        case value(Int64, Int64)
        case failure
        case unplugged
    }

    private struct Hardware {
        var modulus: UInt64?
        var numerator: Int64 = 1
        var denominator: Int64 = 1
        var maximumPower: Int64

        var quantity: SensorDescription.Quantity {
            .energyCounter(microjoulesNumerator: numerator, microjoulesDenominator: denominator, modulus: modulus)
        }
    }

    /// RAPL with both units, NVML, AMD SMI, hwmon, a meter's joules, Cray, and a counter so small that it wraps by the
    /// hundred.
    private static let kinds = [
        Hardware(modulus: 262_143_328_850, maximumPower: 525_000_000),
        Hardware(modulus: 65_532_610_987, maximumPower: 400_000_000),
        Hardware(modulus: nil, numerator: 1000, maximumPower: 1_050_000_000),
        Hardware(modulus: nil, numerator: 15_300, denominator: 1000, maximumPower: 2_250_000_000),
        Hardware(modulus: nil, maximumPower: 1_500_000_000),
        Hardware(modulus: nil, numerator: 1_000_000, maximumPower: 20_000_000_000),
        Hardware(modulus: 3_600_000_000, maximumPower: 380_000_000),
    ]

    /// Sums over the intervals that a track gave.
    private struct Intervals {
        var microjoules: Int128 = 0
        var missing: Int64 = 0
        var bridged: Int64 = 0
        var resets = 0
        var wrapped = 0
        private var last: Int64 = 0
        private(set) var isContinuous = true

        mutating func add(_ facts: SensorFacts) {
            isContinuous = isContinuous && facts.firstMicrojoules == last
            last = facts.lastMicrojoules
            microjoules += facts.advanceMicrojoules
            missing += facts.missingMilliseconds
            bridged += facts.bridgedMilliseconds
            if facts.flags.contains(.reset) { resets += 1 }
            if facts.flags.contains(.wrapped) { wrapped += 1 }
        }
    }

    private struct Known {
        var microjoules: Int128 = 0
        var missing: Int64 = 0
        var bridged: Int64 = 0
        var epochs: Int64 = 1
        var wraps = 0
    }

    private static let holeMilliseconds: Int64 = 5000

    private func advance(_ hardware: Hardware, from old: UInt64, to new: UInt64, milliseconds: Int64) -> UInt64? {
        if new >= old { return new - old }
        guard let modulus = hardware.modulus else { return nil }
        let possible = Int128(milliseconds) * Int128(hardware.maximumPower) / 1000
        let units = modulus - old + new
        return Int128(units) <= possible && possible < Int128(modulus) ? units : nil
    }

    private func known(_ events: [Event], _ hardware: Hardware) -> Known {
        var known = Known()
        var units: [Int128] = [0]
        var last: (at: Int64, raw: UInt64)?
        var isUnplugged = false
        for event in events {
            switch event {
            case .failure: continue
            case .unplugged: isUnplugged = true
            case .value(let at, let value):
                let raw = UInt64(value)
                defer { (last, isUnplugged) = ((at, raw), false) }
                guard let before = last else { continue }
                let gap = at - before.at
                guard !isUnplugged,
                    let step = advance(hardware, from: before.raw, to: raw, milliseconds: gap)
                else {
                    units.append(0)
                    known.missing += gap
                    continue
                }
                if raw < before.raw { known.wraps += 1 }
                units[units.count - 1] += Int128(step)
                if gap > Self.holeMilliseconds { known.bridged += gap }
            }
        }
        known.epochs = Int64(units.count)
        known.microjoules = units.reduce(0) {
            $0 + $1 * Int128(hardware.numerator) / Int128(hardware.denominator)
        }
        return known
    }

    private func description(_ quantity: SensorDescription.Quantity, _ power: Int64) -> SensorDescription {
        SensorDescription(
            id: "test:sensor", kind: "test", layer: .package, provenance: .counter, quantity: quantity,
            maximumPowerMicrowatts: power)
    }

    /// Moves a track through random time; `next` gives the value of a reading so many milliseconds after the last.
    private func history(
        _ track: inout SensorTrack, _ random: inout SeededRandom, isHeld: Bool, start: Int64,
        next: (inout SeededRandom, _ elapsed: Int64) -> (value: Reading.Value, shown: Int64)
    ) -> ([Event], Intervals) {
        var events: [Event] = []
        var intervals = Intervals()
        var (now, lastCut, lastReading) = (start, start, start)
        func take(_ value: Reading.Value) {
            track.take(Reading(monotonicNanoseconds: now * 1_000_000, value: value))
        }
        let first = next(&random, 0)
        take(first.value)
        events.append(.value(now, first.shown))
        for _ in 0..<1500 {
            let elapsed = Int64(1 + random.next() % 7000)
            if random.next() % 6 == 0 {
                // Behind the last reading the value is held; before it the readings around are known.
                let end = isHeld ? now + elapsed - 1 : lastReading
                if end > lastCut {
                    lastCut += Int64(1 + random.next() % UInt64(end - lastCut))
                    intervals.add(track.cut(at: lastCut * 1_000_000).facts)
                }
            }
            now += elapsed
            switch random.next() % 30 {
            case 0:
                take(.unreadable(.failed))
                events.append(.failure)
                _ = next(&random, elapsed)
            case 1:
                track.breakEpoch()
                events.append(.unplugged)
                fallthrough
            default:
                let reading = next(&random, elapsed)
                take(reading.value)
                events.append(.value(now, reading.shown))
                lastReading = now
            }
        }
        // The last event is a reading, so that everything is known up to the end.
        now += 1
        let last = next(&random, 1)
        take(last.value)
        events.append(.value(now, last.shown))
        intervals.add(track.cut(at: now * 1_000_000).facts)
        return (events, intervals)
    }

    @Test(arguments: 0..<70) func countersEqualTheOracle(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let hardware = Self.kinds[Int(seed) % Self.kinds.count]
        let isHeld = seed % 2 == 1
        var track = SensorTrack(description(hardware.quantity, hardware.maximumPower), at: 1_000_000_000)
        var raw = random.next() % (hardware.modulus ?? 1_000_000_000)
        let (events, intervals) = history(&track, &random, isHeld: isHeld, start: 1000) { random, elapsed in
            let possible = UInt64(
                Int128(elapsed) * Int128(hardware.maximumPower) / 1000 * Int128(hardware.denominator)
                    / Int128(hardware.numerator))
            switch random.next() % 40 {
            case 0: raw = random.next() % 1000  // reset
            case 1: break  // frozen
            case 2: raw &+= possible * 3  // a jump above what the part can draw
            default: raw += random.next() % max(1, possible)
            }
            if let modulus = hardware.modulus { raw %= modulus }
            return (.counter(raw), Int64(raw))
        }
        let known = known(events, hardware)
        #expect(intervals.microjoules == known.microjoules, "seed \(seed)")
        #expect(track.continuation.epoch == known.epochs - 1, "seed \(seed)")
        #expect(intervals.isContinuous, "seed \(seed)")
        #expect(known.epochs == 1 || intervals.resets > 0, "seed \(seed)")
        #expect(known.wraps == 0 || intervals.wrapped > 0, "seed \(seed)")
        if hardware.modulus == 3_600_000_000 { #expect(known.wraps > 100, "seed \(seed)") }
        guard !isHeld else { return }
        #expect(intervals.missing == known.missing, "seed \(seed)")
        #expect(intervals.bridged == known.bridged, "seed \(seed)")
    }

    @Test(arguments: 0..<40) func powerEqualsTheOracle(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let rule: IntegrationRule = seed % 4 < 2 ? .trapezoid : .right
        var track = SensorTrack(description(.power(rule: rule), 6_000_000_000), at: 1_000_000_000)
        var power: Int64 = 0
        let (events, intervals) = history(&track, &random, isHeld: seed % 2 == 1, start: 1000) { random, _ in
            // Frozen, negative, and a spike.
            switch random.next() % 20 {
            case 0: break
            case 1: power = -Int64(random.next() % 50_000_000)
            case 2: power = 900_000_000_000
            default: power = Int64(random.next() % 6_000_000_000)
            }
            return (.power(power), power)
        }
        // In µW·ms·2, of which 2,000 are a microjoule.
        var exact: Int128 = 0
        var last: (at: Int64, power: Int64)?
        for event in events {
            switch event {
            case .failure: continue
            case .unplugged: last = nil
            case .value(let at, let power):
                if let last {
                    let sum = rule == .right ? 2 * Int128(power) : Int128(last.power) + Int128(power)
                    exact += Int128(at - last.at) * sum
                }
                last = (at, power)
            }
        }
        #expect(intervals.microjoules == floorDivide(exact, by: 2000), "seed \(seed)")
        #expect(intervals.isContinuous, "seed \(seed)")
    }

    /// A source on a thread of its own is read before the chain begins, and its counter moves.
    @Test func whatWasReadBeforeTheChainIsNoPartOfIt() {
        func reading(_ milliseconds: Int64, _ value: Reading.Value) -> Reading {
            Reading(monotonicNanoseconds: milliseconds * 1_000_000, value: value)
        }
        let cray = Self.kinds[5]
        var counter = SensorTrack(description(cray.quantity, cray.maximumPower), at: 1_000_000_000)
        var power = SensorTrack(description(.power(rule: .trapezoid), 6_000_000_000), at: 1_000_000_000)
        for (milliseconds, joules) in [(900, 4100), (1900, 4200), (2900, 4300)] as [(Int64, UInt64)] {
            counter.take(reading(milliseconds, .counter(joules)))
            power.take(reading(milliseconds, .power(100_000_000)))
        }
        for track in [counter, power] {
            var track = track
            let (facts, series) = track.cut(at: 2_000_000_000)
            #expect(facts.firstMicrojoules == 10_000_000 && facts.lastMicrojoules == 110_000_000)
            #expect(facts.readings == 1 && facts.missingMilliseconds == 0 && !facts.flags.contains(.held))
            #expect(series.points.map(\.offsetNanoseconds) == [-100_000_000, 900_000_000, 1_900_000_000])
            #expect(track.cut(at: 2_900_000_000).facts.advanceMicrojoules == 90_000_000)
        }
    }
}
