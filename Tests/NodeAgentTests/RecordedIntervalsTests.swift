import Accounts
import Batches
import Energy
import NodeAgent
import SeededRandom
import Testing

@Suite struct RecordedIntervalsTests {
    private let job = Pseudonym.of(jobKey: "c/import/j@-", salt: [])

    private func sensor(_ rule: IntegrationRule) -> SensorDescription {
        SensorDescription(
            id: "mlperf:c", kind: "mlperf", layer: .nodeAC, provenance: .recorded, quantity: .power(rule: rule),
            maximumPowerMicrowatts: PowerIntegral.powerBoundMicrowatts, periodMilliseconds: 2000)
    }

    private func log(_ random: inout SeededRandom) -> [(time: UTCTime, microwatts: Int64)] {
        var time = 1_715_921_879_469_000 + Int64(random.next() % 3_600_000_000)
        return (0..<Int(2 + random.next() % 400)).map { _ in
            defer { time += Int64(random.next() % 2) * (2_005_000 + Int64(random.next() % 17) * 1_000_000) }
            return (UTCTime(microseconds: time), (Int64(random.next() % 6000) - 20) * 1_000_000)
        }
    }

    /// Exact integral from the first reading to an instant, in µW·µs·2·span units over each segment: an own oracle.
    private func oracle(
        _ readings: [(time: UTCTime, microwatts: Int64)], _ rule: IntegrationRule, until instant: UTCTime
    ) -> Int64 {
        var numerator: Int128 = 0
        var denominator: Int128 = 1
        for (left, right) in zip(readings, readings.dropFirst()) where left.time < instant {
            let span = Int128(right.time.microseconds - left.time.microseconds)
            guard span > 0 else { continue }
            let part = min(span, Int128(instant.microseconds - left.time.microseconds))
            let (p, q) = (Int128(left.microwatts), Int128(right.microwatts))
            let area = rule == .right ? 2 * part * q * span : 2 * part * p * span + part * part * (q - p)
            if part == span {
                numerator += area / span
            } else {
                numerator = numerator * span + area
                denominator = span
            }
        }
        return Int64(floorDivide(numerator, by: denominator * 2_000_000))
    }

    @Test(arguments: 0..<100) func intervalsTileAndMatchTheOracle(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rule: IntegrationRule = random.next() % 2 == 0 ? .trapezoid : .right
        let readings = log(&random)
        guard let first = readings.first?.time, let last = readings.last?.time, first < last else { return }
        let span = UInt64(last.microseconds - first.microseconds)
        let start = UTCTime(microseconds: first.microseconds + Int64(random.next() % span))
        let stop = UTCTime(microseconds: start.microseconds + Int64(random.next() % span))
        let recorded = RecordedIntervals(
            sensor: sensor(rule), readings: readings, job: job, window: (start, stop), expectedNodes: 1,
            intervalSeconds: Int64(5 + random.next() % 300))
        let intervals = recorded.intervals()
        #expect(intervals.first?.facts.interval.start == first && intervals.last?.facts.interval.end == last)
        var end = first
        var value: Int64 = 0
        var held: Int64 = 0
        for interval in intervals {
            let line = interval.facts.sensors[0]
            #expect(interval.facts.interval.start == end && line.firstMicrojoules == value, "seed \(seed)")
            end = interval.facts.interval.end
            value = line.lastMicrojoules
            #expect(value == oracle(readings, rule, until: end), "seed \(seed)")
            #expect(interval.facts.interval.start.hour == UTCTime(microseconds: end.microseconds - 1).hour)
            let posted = AttributionRule.attribution1.post(interval.facts).postings
            held += posted.filter { $0.account == .job(job) }.reduce(0) { $0 + $1.microjoules }
            let block = SampleBlock(bytes: interval.samples.bytes)
            #expect(block == interval.samples)
        }
        let inWindow = oracle(readings, rule, until: min(stop, last)) - oracle(readings, rule, until: start)
        #expect(held == (start < stop ? inWindow : 0), "seed \(seed)")
    }

    @Test(arguments: 0..<30) func sumsFollowFromTheSampleBlock(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let rule: IntegrationRule = random.next() % 2 == 0 ? .trapezoid : .right
        let recorded = RecordedIntervals(
            sensor: sensor(rule), readings: log(&random), job: nil, window: (nil, nil), expectedNodes: nil,
            intervalSeconds: 30)
        for interval in recorded.intervals() {
            var batch = UnsignedBatch.example(interval)
            let block = interval.samples.bytes
            #expect(SampleCheck.refusal(of: block, for: batch) == nil, "seed \(seed)")
            batch.facts.sensors[0].lastMicrojoules += 2
            #expect(SampleCheck.refusal(of: block, for: batch)?.code == .samplesMismatch)
        }
    }
}
