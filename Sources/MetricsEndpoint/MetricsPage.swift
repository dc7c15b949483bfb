// MetricsEndpoint: what a program says of its own health.
//
// The page is shared by both programs; the listener is the agent's. It serves three fixed paths over plain HTTP to
// whoever scrapes, takes nothing in, and must cost a node next to nothing: one handler, no task, no kept connection.

/// A page of metrics in the Prometheus text exposition format, version 0.0.4.
package struct MetricsPage: Sendable, Hashable {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private var bytes: [UInt8] = []
    private var names: Set<String> = []

    package init() {}

    /// The page as served.
    package var text: [UInt8] { self.bytes }

    /// A value that only grows while the program runs; its name ends in `_total`.
    package mutating func counter(_ name: String, _ help: String, _ samples: [MetricSample]) {
        self.add(name, "counter", help, samples)
    }

    /// A value that goes up and down.
    package mutating func gauge(_ name: String, _ help: String, _ samples: [MetricSample]) {
        self.add(name, "gauge", help, samples)
    }

    /// A counter without labels.
    package mutating func counter(_ name: String, _ help: String, _ value: MetricValue) {
        self.add(name, "counter", help, [MetricSample(value)])
    }

    /// A gauge without labels.
    package mutating func gauge(_ name: String, _ help: String, _ value: MetricValue) {
        self.add(name, "gauge", help, [MetricSample(value)])
    }

    private mutating func add(_ name: String, _ type: String, _ help: String, _ samples: [MetricSample]) {
        // Names are literals of the programs; a scraper rejects the whole page over one bad or repeated name.
        precondition(Self.isName(name, colons: true), "metric name \(name)")
        precondition(self.names.insert(name).inserted, "metric \(name) twice on one page")
        self.append("# HELP \(name) \(Self.escape(help, quotes: false))\n# TYPE \(name) \(type)\n")
        for sample in samples {
            self.append(name)
            self.append(Self.labels(sample.labels))
            self.append(" \(sample.value)\n")
        }
    }

    private mutating func append(_ text: String) {
        self.bytes.append(contentsOf: text.utf8)
    }

    /// `{a="x",b="y"}`, or nothing.
    private static func labels(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { label in
            precondition(self.isName(label.name, colons: false), "label name \(label.name)")
            return "\(label.name)=\"\(self.escape(label.value, quotes: true))\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }

    private static func isName(_ name: String, colons: Bool) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            case 0x3A: colons
            default: false
            }
        }
    }

    /// A backslash and a line feed end a value early, a quotation mark too inside a label.
    private static func escape(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// One value of a metric, with the labels that tell it from the others of the same name.
package struct MetricSample: Sendable, Hashable {
    let labels: [(name: String, value: String)]
    let value: MetricValue

    /// - Parameter labels: in the order in which they are printed; values may hold any text.
    package init(_ labels: KeyValuePairs<String, String> = [:], _ value: MetricValue) {
        self.labels = labels.map { (name: $0.key, value: $0.value) }
        self.value = value
    }

    package init(_ value: MetricValue) {
        self.labels = []
        self.value = value
    }

    package static func == (left: MetricSample, right: MetricSample) -> Bool {
        left.value == right.value && left.labels.elementsEqual(right.labels, by: ==)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.value)
        for label in self.labels {
            hasher.combine(label.name)
            hasher.combine(label.value)
        }
    }
}

/// A number on the page. Counts stay integers as far as the format lets them.
package enum MetricValue: Sendable, Hashable, CustomStringConvertible {
    case integer(Int64)
    case unsigned(UInt64)
    case real(Double)

    package var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .unsigned(let value): "\(value)"
        case .real(let value) where value.isNaN: "NaN"
        case .real(let value) where value.isInfinite: value < 0 ? "-Inf" : "+Inf"
        case .real(let value): "\(value)"
        }
    }
}

extension MetricValue: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: Int64) { self = .integer(value) }
}
