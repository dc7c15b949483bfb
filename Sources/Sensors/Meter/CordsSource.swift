import Energy

/// A node whose cords hang on several meters, two distribution units for example: their sum is the node. While one of
/// them cannot be read there is no sum, because half of a node is not the node.
package struct CordsSource: SensorSource {
    package let name = "cords"
    package let isSlow = true

    private let id: String
    private var meters: [MeterSource]

    /// - Parameters:
    ///   - id: name of the feed, the same in all meters.
    ///   - meters: each with this node's feed of that name alone, all in units of one kind.
    package init(id: String, meters: [MeterSource]) {
        self.id = id
        self.meters = meters
    }

    package mutating func discover() -> SourceReport {
        var cords: [FoundSensor] = []
        for index in meters.indices { cords += meters[index].discover().sensors }
        guard var sum = cords.first else {
            return .absent(name, "`\(id)` has no feeds", remedy: "name the outlets of this node")
        }
        sum.description.id = identity("meter:", id)
        sum.measurementPoint = cords.map(\.measurementPoint).joined(separator: " and ")
        sum.place = cords.map(\.place).joined(separator: ", ")
        sum.costMicroseconds = cords.reduce(0) { $0 + $1.costMicroseconds }
        if let unreadable = cords.first(where: { !$0.access.isReadable }) { sum.access = unreadable.access }
        return SourceReport(source: name, sensors: [sum])
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        var sum: Reading.Value?
        for index in meters.indices {
            let cord = meters[index].read(nowNanoseconds: nowNanoseconds).first?.reading.value ?? .unreadable(.gone)
            sum = sum.map { Self.sum($0, cord) } ?? cord
        }
        let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: sum ?? .unreadable(.gone))
        readings.append(.init(sensor: 0, reading: reading))
    }

    private static func sum(_ first: Reading.Value, _ second: Reading.Value) -> Reading.Value {
        switch (first, second) {
        case (.unreadable, _): return first
        case (_, .unreadable): return second
        case (.power(let a), .power(let b)):
            let (power, overflow) = a.addingReportingOverflow(b)
            return overflow || power.magnitude > PowerIntegral.powerBoundMicrowatts.magnitude
                ? .unreadable(.malformed) : .power(power)
        case (.counter(let a), .counter(let b)):
            let (count, overflow) = a.addingReportingOverflow(b)
            return overflow ? .unreadable(.malformed) : .counter(count)
        case (.power, .counter), (.counter, .power): return .unreadable(.malformed)
        }
    }
}
