import Crypto
import Energy

/// Holds a block of readings against the batch that commits to it.
package enum SampleCheck {
    /// Why the block is not the batch's, nil when it is. An empty block stands for one that was deleted and proves
    /// nothing.
    package static func refusal(of block: [UInt8], for batch: Batch) -> Refusal? {
        guard let commitment = batch.samples else {
            return block.isEmpty ? nil : Refusal(.samplesMismatch, "the batch commits to no sample block")
        }
        if block.isEmpty { return nil }
        guard Int64(block.count) == commitment.byteCount else {
            return Refusal(.samplesMismatch, "the block has \(block.count) bytes, not \(commitment.byteCount)")
        }
        guard Array(SHA256.hash(data: block)) == commitment.sha256 else {
            return Refusal(.samplesMismatch, "the block's SHA-256 is not the one that the batch signs")
        }
        guard let decoded = SampleBlock(bytes: block) else {
            return Refusal(.samplesMismatch, "the block is not a coding of readings")
        }
        return refusal(of: decoded, for: batch, commitment)
    }

    private static func refusal(
        of block: SampleBlock, for batch: Batch, _ commitment: SampleCommitment
    ) -> Refusal? {
        guard Int64(block.readingCount) == commitment.readings, block.series.count == batch.facts.sensors.count else {
            return Refusal(.samplesMismatch, "the block's readings are not as many as the batch says")
        }
        for (series, sensor) in zip(block.series, batch.facts.sensors) {
            guard agrees(series, sensor, durationNanoseconds: batch.facts.durationNanoseconds) else {
                return Refusal(.samplesMismatch, "\(sensor.id) does not follow from its own readings")
            }
        }
        return nil
    }

    /// Whether a sensor's line follows from its readings: their number, and the energy between both cuts.
    private static func agrees(_ series: SampleBlock.Series, _ sensor: SensorFacts, durationNanoseconds: Int64) -> Bool
    {
        let inside = series.points.lazy.filter {
            $0.offsetNanoseconds > 0 && $0.offsetNanoseconds <= durationNanoseconds
        }
        guard Int64(inside.count) == sensor.readings else { return false }
        // Across an epoch's end a value is not a function of the readings; the line says so and the energy is absent.
        guard !sensor.flags.contains(.reset), series.points.count > 1 else { return true }
        switch series.quantity {
        case .counter:
            return value(series.points, at: 0) == sensor.firstMicrojoules
                && value(series.points, at: durationNanoseconds) == sensor.lastMicrojoules
        case .trapezoid, .right:
            guard let energy = integral(series, durationNanoseconds) else { return false }
            // The fraction of a microjoule that was carried into the interval is not in the block.
            return (sensor.advanceMicrojoules - energy).magnitude <= 1
        }
    }

    /// A counter at an instant, linear between two readings and rounded down; held beyond the ends.
    private static func value(_ points: [SampleBlock.Point], at offset: Int64) -> Int64? {
        guard let before = points.lastIndex(where: { $0.offsetNanoseconds <= offset }) else {
            return points.first?.value
        }
        let reached = points[before]
        guard before + 1 < points.count, reached.offsetNanoseconds < offset else { return reached.value }
        let after = points[before + 1]
        return CounterCut.value(
            at: offset, between: (reached.offsetNanoseconds, reached.value), and: (after.offsetNanoseconds, after.value)
        )
    }

    private static func integral(_ series: SampleBlock.Series, _ duration: Int64) -> Int128? {
        var integral = PowerIntegral(rule: series.quantity == .right ? .right : .trapezoid)
        var start: Int64?
        var end: Int64?
        for point in series.points {
            let next = (nanoseconds: point.offsetNanoseconds, microwatts: point.value)
            if start == nil, point.offsetNanoseconds >= 0 { start = integral.microjoules(at: 0, next: next) }
            if end == nil, point.offsetNanoseconds >= duration { end = integral.microjoules(at: duration, next: next) }
            guard integral.add(nanoseconds: point.offsetNanoseconds, microwatts: point.value) else { return nil }
        }
        guard let start else { return 0 }
        return Int128(end ?? integral.microjoules) - Int128(start)
    }
}
