package import Energy
import JSONText

/// A meter outside the node: a distribution unit or rack shelf with an HTTP/JSON or CSV answer, of which some values
/// feed this node, both cords of it, and others feed several nodes.
package struct MeterSource: SensorSource {
    package let name: String
    package let isSlow = true

    /// Reads the meter's whole answer once.
    package typealias Fetch = @Sendable () -> Result<[UInt8], TransportFailure>

    private let feeds: [Feed]
    private let place: String
    private let node: String
    private let fetch: Fetch

    /// One sensor of the meter: the sum of values that together supply the named nodes.
    package struct Feed: Sendable, Hashable {
        /// Stable name of the outlet or group of outlets.
        package var id: String
        package var nodes: [String]
        package var values: [Value]
        package var unit: Unit

        package init(id: String, nodes: [String], values: [Value], unit: Unit) {
            self.id = id
            self.nodes = nodes
            self.values = values
            self.unit = unit
        }

        /// Where a value stands in the answer.
        package enum Value: Sendable, Hashable {
            /// Member names and indices: `outlets[3].power`.
            case json(path: String)
            /// The column named `column` of the line whose column `key` has the value `row`.
            case csv(key: String, row: String, column: String)
        }

        package enum Unit: String, Sendable, Hashable, CaseIterable {
            case watts = "W"
            case milliwatts = "mW"
            case kilowatts = "kW"
            case wattHours = "Wh"
            case kilowattHours = "kWh"
            case joules = "J"

            /// Power of ten to µW, or to the counter's own unit: mWh for hours, mJ for joules.
            var scale: Int {
                switch self {
                case .watts: 6
                case .milliwatts: 3
                case .kilowatts: 9
                case .wattHours: 3
                case .kilowattHours: 6
                case .joules: 3
                }
            }

            package var quantity: SensorDescription.Quantity {
                switch self {
                case .watts, .milliwatts, .kilowatts: .power(rule: .trapezoid)
                case .wattHours, .kilowattHours:
                    .energyCounter(microjoulesNumerator: 3_600_000, microjoulesDenominator: 1, modulus: nil)
                case .joules: .energyCounter(microjoulesNumerator: 1000, microjoulesDenominator: 1, modulus: nil)
                }
            }

            var isPower: Bool { if case .power = quantity { true } else { false } }
        }
    }

    /// - Parameters:
    ///   - name: the meter's own name, part of its sensors' identity.
    ///   - place: its address for people, without credentials.
    ///   - node: this node's name in the feeds.
    package init(name: String, place: String, node: String, feeds: [Feed], fetch: @escaping Fetch) {
        self.name = name
        self.place = place
        self.node = node
        self.feeds = feeds
        self.fetch = fetch
    }

    package mutating func discover() -> SourceReport {
        guard !feeds.isEmpty else {
            return .absent(
                name, "no feeds are configured", remedy: "name the meter's outlets and the nodes that they feed")
        }
        // A meter that does not answer is still there: its sensors have a named state.
        let answer = fetch().map { MeterAnswer($0) }
        return SourceReport(source: name, sensors: feeds.map { sensor($0, answer) })
    }

    private func sensor(_ feed: Feed, _ answer: Result<MeterAnswer, TransportFailure>) -> FoundSensor {
        let isOwn = feed.nodes == [node]
        let description = SensorDescription(
            id: identity("meter:\(name)/", feed.id), kind: "meter", layer: isOwn ? .nodeAC : .facility,
            provenance: feed.unit.isPower ? .integrated : .counter, quantity: feed.unit.quantity,
            maximumPowerMicrowatts: 50_000_000_000 * Int64(max(1, min(1000, feed.nodes.count))),
            refreshMilliseconds: 5000, periodMilliseconds: 10_000)
        let access: FoundSensor.Access =
            switch answer {
            case .failure(let failure):
                .unreadable(failure.reason, remedy: "check address and account of the meter: \(failure.text)")
            case .success(let answer):
                .judged(answer.value(of: feed)) { _ in
                    "correct where feed `\(feed.id)` stands in the meter's answer"
                }
            }
        return FoundSensor(
            description: description, part: isOwn ? .node : .other(feed.id),
            measurementPoint: "\(feed.values.count) outlets that feed \(feed.nodes.joined(separator: ", "))",
            place: place, access: access, costMicroseconds: 100_000)
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        let result = fetch().map { MeterAnswer($0) }
        for (index, feed) in feeds.enumerated() {
            let value: Reading.Value =
                switch result {
                case .success(let answer): answer.value(of: feed)
                case .failure(let failure): .unreadable(failure.reason)
                }
            readings.append(.init(sensor: index, reading: Reading(monotonicNanoseconds: nowNanoseconds, value: value)))
        }
    }
}

/// One answer of a meter, as JSON or as CSV with a header.
struct MeterAnswer {
    private let json: JSONValue?
    private let header: LogHeader?
    private let rows: [[ArraySlice<UInt8>]]

    init(_ body: [UInt8]) {
        json = JSONValue.answer(body)
        var header: LogHeader?
        var rows: [[ArraySlice<UInt8>]] = []
        if json == nil {
            for (_, line) in LogLines(body).prefix(4096) {
                guard let known = header else {
                    header = LogHeader(line)
                    continue
                }
                if let fields = SeparatedLine.fields(line, separator: known.separator) { rows.append(fields) }
            }
        }
        self.header = header
        self.rows = rows
    }

    /// The sum of the feed's values. One missing cord makes the sum missing: half of a node is not the node.
    func value(of feed: MeterSource.Feed) -> Reading.Value {
        guard !feed.values.isEmpty else { return .unreadable(.malformed) }
        var sum: Int64 = 0
        for place in feed.values {
            guard let value = scaled(place, by: feed.unit.scale) else { return .unreadable(.malformed) }
            let (total, overflow) = sum.addingReportingOverflow(value)
            guard !overflow else { return .unreadable(.malformed) }
            sum = total
        }
        if feed.unit.isPower {
            return sum.magnitude <= PowerIntegral.powerBoundMicrowatts.magnitude ? .power(sum) : .unreadable(.malformed)
        }
        return UInt64(exactly: sum).map(Reading.Value.counter) ?? .unreadable(.malformed)
    }

    private func scaled(_ place: MeterSource.Feed.Value, by scale: Int) -> Int64? {
        switch place {
        case .json(let path): return json?.member(at: path)?.scaled(by: scale)
        case .csv(let key, let row, let column):
            guard let header, let keyColumn = header.column(key.lowercased()),
                let valueColumn = header.column(column.lowercased())
            else { return nil }
            let matching = rows.filter {
                $0.count == header.names.count && String(decoding: $0[keyColumn], as: UTF8.self) == row
            }
            // Two lines of one name are two values: neither is taken.
            guard matching.count == 1 else { return nil }
            return DecimalText.scaled(matching[0][valueColumn], by: scale)
        }
    }
}
