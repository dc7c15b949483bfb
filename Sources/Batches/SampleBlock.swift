package import Energy

/// The readings behind a batch, coded in under four bytes each.
///
/// Times and counter values are coded as differences of differences, power as differences, all divided by the largest
/// unit that they share, as zigzag varints of the least possible length. A series that was read in the same passes as
/// the one before it carries no times of its own. One list of readings has one coding: decoding refuses any other. A
/// block carries for each sensor the readings inside the interval and the nearest one on either side of it, so that the
/// sums of a batch can be recomputed from its own block alone.
package struct SampleBlock: Sendable, Hashable {
    package var series: [Series]

    package init(series: [Series]) { self.series = series }

    package static let maximumByteCount = 4 << 20
    package static let maximumReadings = 1 << 20
    private static let version: UInt8 = 1

    /// The readings of one sensor, in the order of the batch's sensor lines.
    package struct Series: Sendable, Hashable {
        package var quantity: Quantity
        package var points: [Point]
        package var unreadable: [Unreadable]

        package init(quantity: Quantity, points: [Point], unreadable: [Unreadable] = []) {
            self.quantity = quantity
            self.points = points
            self.unreadable = unreadable
        }
    }

    package enum Quantity: UInt8, Sendable, Hashable {
        /// Values are the extended counter in microjoules.
        case counter = 0
        /// Values are power in microwatts, integrated by trapezoids.
        case trapezoid = 1
        /// Values are power in microwatts, integrated by right rectangles.
        case right = 2
    }

    package struct Point: Sendable, Hashable {
        /// Nanoseconds since the start of the batch's interval, by its own clock; negative before it.
        package var offsetNanoseconds: Int64
        package var value: Int64

        package init(offsetNanoseconds: Int64, value: Int64) {
            self.offsetNanoseconds = offsetNanoseconds
            self.value = value
        }
    }

    package struct Unreadable: Sendable, Hashable {
        package var offsetNanoseconds: Int64
        package var reason: UnreadableReason

        package init(offsetNanoseconds: Int64, reason: UnreadableReason) {
            self.offsetNanoseconds = offsetNanoseconds
            self.reason = reason
        }
    }

    package var readingCount: Int { series.reduce(0) { $0 + $1.points.count } }

    package var bytes: [UInt8] {
        var writer = VarintWriter()
        writer.bytes.append(Self.version)
        writer.unsigned(UInt64(series.count))
        var times: [Int64] = []
        for series in series {
            writer.series(series, previousTimes: times)
            times = series.points.map(\.offsetNanoseconds)
        }
        return writer.bytes
    }

    /// Decodes a block, or gives nil when the bytes are not the only coding of one.
    package init?(bytes: [UInt8]) {
        guard bytes.count <= Self.maximumByteCount, bytes.first == Self.version else { return nil }
        var reader = VarintReader(bytes: bytes, position: 1)
        guard let count = reader.unsigned(), count <= UInt64(Batch.maximumSensors) else { return nil }
        var series: [Series] = []
        var readings = 0
        var times: [Int64] = []
        for _ in 0..<count {
            guard let next = reader.series(previousTimes: times) else { return nil }
            times = next.points.map(\.offsetNanoseconds)
            readings += next.points.count + next.unreadable.count
            guard readings <= Self.maximumReadings else { return nil }
            series.append(next)
        }
        guard reader.isAtEnd else { return nil }
        self.series = series
    }
}

private let reasons: [UnreadableReason] = UnreadableReason.allCases

private struct VarintWriter {
    var bytes: [UInt8] = []

    mutating func unsigned(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func signed(_ value: Int64) {
        unsigned(UInt64(bitPattern: value &<< 1 ^ value >> 63))
    }

    mutating func series(_ series: SampleBlock.Series, previousTimes: [Int64]) {
        let times = series.points.map(\.offsetNanoseconds)
        let sharesTimes = !times.isEmpty && times == previousTimes
        bytes.append(series.quantity.rawValue | (sharesTimes ? sharedTimes : 0))
        unsigned(UInt64(series.points.count))
        if !times.isEmpty {
            if !sharesTimes { column(times, order: 2) }
            column(series.points.map(\.value), order: series.quantity.order)
        }
        unsigned(UInt64(series.unreadable.count))
        for missed in series.unreadable {
            signed(missed.offsetNanoseconds)
            bytes.append(UInt8(reasons.firstIndex(of: missed.reason) ?? 0))
        }
    }

    /// Differences of the given order, in the largest common unit. Wrapping arithmetic decodes to the same values, so
    /// no input can trap here.
    private mutating func column(_ values: [Int64], order: Int) {
        let unit = commonUnit(values)
        unsigned(UInt64(unit))
        var previous: Int64 = 0
        var previousDelta: Int64 = 0
        for (index, value) in values.enumerated() {
            let delta = value / unit &- previous
            signed(order == 1 || index < 2 ? delta : delta &- previousDelta)
            previous = value / unit
            previousDelta = delta
        }
    }
}

/// Marks a series that was read at the times of the series before it.
private let sharedTimes: UInt8 = 0x80

extension SampleBlock.Quantity {
    /// Counters grow steadily, so their differences are coded as differences once more.
    fileprivate var order: Int { self == .counter ? 2 : 1 }
}

/// The largest positive integer that divides all values; 1 when all are zero.
private func commonUnit(_ values: some Sequence<Int64>) -> Int64 {
    var unit: UInt64 = 0
    for value in values {
        var (a, b) = (unit, value.magnitude)
        while b != 0 { (a, b) = (b, a % b) }
        unit = a
        if unit == 1 { break }
    }
    return Int64(exactly: unit == 0 ? 1 : unit) ?? 1
}

private struct VarintReader {
    let bytes: [UInt8]
    var position: Int

    var isAtEnd: Bool { position == bytes.count }

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    /// Refuses a longer coding than needed: it would be a second spelling.
    mutating func unsigned() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = byte() {
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return shift > 0 && byte == 0 ? nil : value }
            shift += 7
            if shift > 63 { return nil }
        }
        return nil
    }

    mutating func signed() -> Int64? {
        guard let value = unsigned() else { return nil }
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func series(previousTimes: [Int64]) -> SampleBlock.Series? {
        guard let code = byte(), let quantity = SampleBlock.Quantity(rawValue: code & ~sharedTimes),
            let count = unsigned(), count <= UInt64(SampleBlock.maximumReadings),
            let points = points(Int(count), quantity, sharing: code & sharedTimes != 0 ? previousTimes : nil),
            let missing = unsigned(), missing <= UInt64(SampleBlock.maximumReadings)
        else { return nil }
        if code & sharedTimes == 0, !points.isEmpty, points.map(\.offsetNanoseconds) == previousTimes { return nil }
        var unreadable: [SampleBlock.Unreadable] = []
        for _ in 0..<missing {
            guard let offset = signed(), let code = byte(), Int(code) < reasons.count else { return nil }
            unreadable.append(.init(offsetNanoseconds: offset, reason: reasons[Int(code)]))
        }
        return SampleBlock.Series(quantity: quantity, points: points, unreadable: unreadable)
    }

    private mutating func points(
        _ count: Int, _ quantity: SampleBlock.Quantity, sharing times: [Int64]?
    ) -> [SampleBlock.Point]? {
        guard count > 0 else { return times == nil ? [] : nil }
        if let times, times.count != count { return nil }
        // A byte a point at least: a short block cannot make us reserve a large array.
        guard count <= bytes.count - position, let times = times ?? column(count, order: 2),
            let values = column(count, order: quantity.order)
        else { return nil }
        return zip(times, values).map { SampleBlock.Point(offsetNanoseconds: $0, value: $1) }
    }

    private mutating func column(_ count: Int, order: Int) -> [Int64]? {
        guard let scale = unsigned(), scale > 0, let unit = Int64(exactly: scale) else { return nil }
        var values: [Int64] = []
        values.reserveCapacity(count)
        var value: Int64 = 0
        var delta: Int64 = 0
        for index in 0..<count {
            guard let step = signed() else { return nil }
            delta = order == 1 || index < 2 ? step : delta &+ step
            value = value &+ delta
            let (scaled, overflow) = value.multipliedReportingOverflow(by: unit)
            guard !overflow else { return nil }
            values.append(scaled)
        }
        return commonUnit(values) == unit ? values : nil
    }
}
