package import Energy

/// A log that somebody else recorded, read into exact integers. Every line that is not blank is counted in exactly one
/// of readings, other lines, lines without a value, and problems: nothing is dropped silently.
package struct RecordedLog: Sendable, Hashable {
    package var series: [RecordedSeries] = []
    /// The first bad lines, each with its number, reason and remedy.
    package var problems: [LineProblem] = []
    package var problemCount = 0
    /// Lines that give a reading.
    package var readingLineCount = 0
    /// Well-formed lines that are not readings: headers, comments, other events.
    package var otherLineCount = 0
    /// Lines that say themselves that there is no value: `[N/A]`, a DCGM blank.
    package var missingLineCount = 0
    /// Start and stop of the measurement as the log itself states them.
    package var statedWindow: UTCInterval?

    package init() {}

    package static let maximumBytes = 1 << 30
    package static let maximumProblemsKept = 100
    package static let maximumSeries = 1024

    package var lineCount: Int { readingLineCount + otherLineCount + missingLineCount + problemCount }

    /// Reads a whole file.
    package static func parse(_ bytes: [UInt8], format: Format, options: Options = Options()) -> RecordedLog {
        var log = RecordedLog()
        if bytes.count > maximumBytes {
            log.refuse(line: 0, "the file is larger than 1 GiB; split it by time and import the parts as one node each")
            return log
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            log.refuse(line: 1, "the file is UTF-16; convert it with: iconv -f UTF-16 -t UTF-8")
            return log
        }
        switch format {
        case .mlperf: MLPerfLog.read(bytes, into: &log)
        case .nvidiaSMI: NvidiaSMILog.read(bytes, options: options, into: &log)
        case .dcgm: DCGMLog.read(bytes, options: options, into: &log)
        case .csv: PowerCSV.read(bytes, options: options, into: &log)
        case .sacct: SacctLog.read(bytes, options: options, into: &log)
        }
        for index in log.series.indices { log.series[index].order() }
        return log
    }

    package enum Format: String, Sendable, Hashable, CaseIterable {
        case mlperf
        case nvidiaSMI = "nvidia-smi-csv"
        case dcgm = "dcgm-csv"
        case csv
        case sacct
    }

    package struct Options: Sendable, Hashable {
        /// Seconds that local stamps without a zone are ahead of UTC (nvidia-smi and sacct write local time).
        package var localOffsetSeconds: Int64

        /// Where the meter of a table without that knowledge sits (csv, sacct).
        package var layer: Layer?

        package init(localOffsetSeconds: Int64 = 0, layer: Layer? = nil) {
            self.localOffsetSeconds = localOffsetSeconds
            self.layer = layer
        }
    }

    package struct LineProblem: Sendable, Hashable, CustomStringConvertible {
        /// From 1; 0 stands for the file as a whole.
        package var line: Int
        package var text: String

        package var description: String { line == 0 ? text : "line \(line): \(text)" }
    }

    mutating func refuse(line: Int, _ text: String) {
        problemCount += 1
        if problems.count < Self.maximumProblemsKept { problems.append(LineProblem(line: line, text: text)) }
    }

    /// Index of the series of `source`, made on first sight; nil when there are too many.
    mutating func index(
        of source: String, kind: String, layer: Layer, provenance: Provenance = .recorded,
        points: @autoclosure () -> RecordedSeries.Points = .power([])
    ) -> Int? {
        if let found = series.firstIndex(where: { $0.source == source }) { return found }
        guard series.count < Self.maximumSeries else { return nil }
        series.append(
            RecordedSeries(source: source, kind: kind, layer: layer, provenance: provenance, points: points()))
        return series.count - 1
    }
}

/// The readings of one sensor in a recorded log, in stable time order.
package struct RecordedSeries: Sendable, Hashable {
    /// What the log calls the sensor: `node`, a GPU's UUID, `gpu-0`, `switch-sw_01`, a job id.
    package var source: String
    package var kind: String
    package var layer: Layer
    package var provenance: Provenance
    package var points: Points
    /// Stamps earlier than the one before them in the file.
    package var backwardStamps = 0
    /// Stamps equal to the one before them in time order.
    package var duplicateStamps = 0
    package var longestGapMicroseconds: Int64 = 0
    /// Share of the AC input that reaches the place of the meter, in millionths, where the log states it.
    package var conversionEfficiencyMillionths: Int64?

    package init(source: String, kind: String, layer: Layer, provenance: Provenance = .recorded, points: Points) {
        self.source = source
        self.kind = kind
        self.layer = layer
        self.provenance = provenance
        self.points = points
    }

    package enum Points: Sendable, Hashable {
        case power([PowerPoint])
        /// Values of a cumulative energy counter in µJ.
        case counter([CounterPoint])
    }

    package struct PowerPoint: Sendable, Hashable {
        package var utcMicroseconds: Int64
        package var powerMicrowatts: Int64

        package init(utcMicroseconds: Int64, powerMicrowatts: Int64) {
            self.utcMicroseconds = utcMicroseconds
            self.powerMicrowatts = powerMicrowatts
        }
    }

    package struct CounterPoint: Sendable, Hashable {
        package var utcMicroseconds: Int64
        package var energyMicrojoules: UInt64

        package init(utcMicroseconds: Int64, energyMicrojoules: UInt64) {
            self.utcMicroseconds = utcMicroseconds
            self.energyMicrojoules = energyMicrojoules
        }
    }

    package var count: Int {
        switch points {
        case .power(let points): points.count
        case .counter(let points): points.count
        }
    }

    /// The power readings, empty for a counter.
    package var powerPoints: [PowerPoint] {
        if case .power(let points) = points { points } else { [] }
    }

    mutating func append(_ point: PowerPoint) {
        guard case .power(var list) = points else { return }
        points = .power([])
        list.append(point)
        points = .power(list)
    }

    mutating func append(_ point: CounterPoint) {
        guard case .counter(var list) = points else { return }
        points = .counter([])
        list.append(point)
        points = .counter(list)
    }

    /// Puts the readings into time order, equal stamps in the order of the file, and counts what that changed.
    mutating func order() {
        switch points {
        case .power(let list):
            points = .power(ordered(list, by: \.utcMicroseconds))
        case .counter(let list):
            points = .counter(ordered(list, by: \.utcMicroseconds))
        }
    }

    private mutating func ordered<Point>(_ list: [Point], by stamp: KeyPath<Point, Int64>) -> [Point] {
        let stamps = list.map { $0[keyPath: stamp] }
        backwardStamps = zip(stamps, stamps.dropFirst()).count { $1 < $0 }
        let order =
            backwardStamps == 0
            ? Array(stamps.indices)
            : stamps.indices.sorted { (stamps[$0], $0) < (stamps[$1], $1) }
        for (earlier, later) in zip(order, order.dropFirst()) {
            let gap = stamps[later] - stamps[earlier]
            if gap == 0 { duplicateStamps += 1 }
            longestGapMicroseconds = max(longestGapMicroseconds, gap)
        }
        return order.map { list[$0] }
    }
}
