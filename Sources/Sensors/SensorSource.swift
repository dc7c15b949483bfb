package import Energy

/// One way to read energy or power on a node: it says what it finds, and reads it again and again.
///
/// A source owns its descriptors and library handles. It never throws: what cannot be read is a named state of the
/// sensor, and one unreadable sensor never hides another. Sources that can take longer than a millisecond say so and
/// are run on a thread of their own, with a time-out.
package protocol SensorSource: Sendable {
    /// The source's name as `wattest-agent sensors` prints it.
    var name: String { get }
    var isSlow: Bool { get }

    /// Looks for the source's sensors and opens them. Indices of `read` are positions in the report's `sensors`.
    mutating func discover() -> SourceReport

    /// Appends one reading of each sensor.
    ///
    /// - Parameter nowNanoseconds: CLOCK_BOOTTIME; readings carry it unless the source knows a better instant.
    mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading])
}

extension SensorSource {
    package mutating func read(nowNanoseconds: Int64) -> [SensorReading] {
        var readings: [SensorReading] = []
        read(nowNanoseconds: nowNanoseconds, into: &readings)
        return readings
    }
}

/// One reading of the sensor at `sensor` in its source's report.
package struct SensorReading: Sendable, Hashable {
    package var sensor: Int
    package var reading: Reading
    /// The source knows that this value does not continue the one before it: driver reload, another device, counters
    /// generated anew. The counter's epoch ends before this reading.
    package var breaksEpoch: Bool

    package init(sensor: Int, reading: Reading, breaksEpoch: Bool = false) {
        self.sensor = sensor
        self.reading = reading
        self.breaksEpoch = breaksEpoch
    }
}

/// What looking for a source found.
package struct SourceReport: Sendable, Hashable {
    /// The source's name, for example `rapl`.
    package var source: String
    package var sensors: [FoundSensor]
    /// Why there are no sensors, or nil where there are.
    package var absence: Absence?
    /// Things that were seen and not taken, with the reason.
    package var remarks: [String]

    package init(source: String, sensors: [FoundSensor] = [], absence: Absence? = nil, remarks: [String] = []) {
        self.source = source
        self.sensors = sensors
        self.absence = absence
        self.remarks = remarks
    }

    package static func absent(_ source: String, _ reason: String, remedy: String, remarks: [String] = [])
        -> SourceReport
    {
        SourceReport(source: source, absence: Absence(reason: reason, remedy: remedy), remarks: remarks)
    }

    /// A directory of the source that cannot be listed: absent where it does not exist, else with the reason.
    static func unlisted(
        _ source: String, _ directory: String, _ failure: ReadFailure, remedyIfAbsent: String
    ) -> SourceReport {
        switch failure.reason {
        case .gone where FileTree.exists(directory):
            .absent(
                source, "\(directory) is no directory", remedy: "look at \(directory): it is not one of the kernel")
        case .gone: .absent(source, "\(directory) does not exist", remedy: remedyIfAbsent)
        case .denied:
            .absent(
                source, "\(directory) cannot be listed: denied", remedy: "let the agent's user list \(directory)")
        default:
            .absent(
                source, "\(directory) cannot be listed: \(failure.reason.rawValue)",
                remedy: "look at \(directory): it is not a directory of the kernel")
        }
    }

    package struct Absence: Sendable, Hashable {
        package var reason: String
        /// What to do about it; "none" where the machine simply has no such part.
        package var remedy: String
    }
}

/// A sensor that discovery found, whether or not it may be read.
package struct FoundSensor: Sendable, Hashable {
    package var description: SensorDescription
    /// The physical part that is measured, by which two sources of the same part are recognised.
    package var part: Part
    /// Where in the power path the figure is taken, in words.
    package var measurementPoint: String
    /// The file, device or call that is read.
    package var place: String
    package var access: Access
    /// What one reading costs, in microseconds, as an order of magnitude.
    package var costMicroseconds: Int64
    /// Model and parameters of an estimated sensor, for the record.
    package var parameters: String?

    package init(
        description: SensorDescription, part: Part, measurementPoint: String, place: String,
        access: Access = .readable, costMicroseconds: Int64, parameters: String? = nil
    ) {
        self.description = description
        self.part = part
        self.measurementPoint = measurementPoint
        self.place = place
        self.access = access
        self.costMicroseconds = costMicroseconds
        self.parameters = parameters
    }

    package enum Part: Sendable, Hashable {
        /// The whole node.
        case node
        /// A module by its socket number.
        case module(Int)
        case package(Int, die: Int?)
        /// All processor packages of the node in one figure.
        case packages
        /// A rail inside a package.
        case rail(package: Int)
        /// Memory of one package.
        case memory(package: Int)
        /// All memory of the node in one figure.
        case memories
        /// A GPU by its lower-case PCI address `dddd:bb:dd`, or another unique name where that is not known.
        case gpu(String)
        /// An accelerator that is known by its number alone.
        case accelerator(Int)
        case other(String)
    }

    package enum Access: Sendable, Hashable {
        case readable
        case unreadable(UnreadableReason, remedy: String)

        package var isReadable: Bool { self == .readable }

        /// What the first value of a sensor says of it.
        ///
        /// - Parameter remedy: what to do against the reason.
        static func judged(_ value: Reading.Value, remedy: (UnreadableReason) -> String) -> Access {
            if case .unreadable(let reason) = value { .unreadable(reason, remedy: remedy(reason)) } else { .readable }
        }
    }
}
