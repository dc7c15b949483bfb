package import Batches
import Crypto
package import Energy
import Sensors

/// One sensor of one recorded file: what becomes one `import` entry with a chain of its own.
package struct RecordedSource: Sendable {
    package var path: String
    package var node: String
    package var subject: ImportEntry.Subject
    package var sensor: SensorDescription
    package var readings: [Reading]
    package var fileSHA256: [UInt8]
    package var fileByteCount: Int64
    package var format: String
    /// nil for a format that carries energy.
    package var integration: IntegrationRule?
    package var wasReordered: Bool

    /// A constant that somebody estimated once holds over a whole window.
    package var isConstantEstimate: Bool { subject == .source && sensor.provenance == .estimated }
}

/// One file to import.
package struct RecordedFile: Sendable, Hashable {
    package var path: String
    /// Name of the node; nil takes the file's name without extension.
    package var node: String?

    package init(path: String, node: String? = nil) {
        self.path = path
        self.node = node
    }

    package var nodeName: String {
        if let node { return node }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
        return String(name[..<dot])
    }
}

extension RecordedFile {
    /// Reads the sensors of a file.
    ///
    /// - Throws: `input` for lines that cannot be read, with the first of them, or a file without two readings; `usage`
    ///   for a name that cannot stand in a log and for settings that do not fit the format.
    package func sources(_ bytes: [UInt8], _ settings: ImportSettings) throws(AgentError) -> [RecordedSource] {
        let node = nodeName
        guard SensorDescription.isWellFormed(node) else {
            throw AgentError(
                .usage, "\(path): `\(node)` cannot be a node's name; give one of letters, digits and ._:/- with --node")
        }
        let options = RecordedLog.Options(localOffsetSeconds: settings.localOffsetSeconds, layer: settings.layer)
        let log = RecordedLog.parse(bytes, format: settings.format, options: options)
        if let problem = log.problems.first {
            let more = log.problemCount > 1 ? " (and \(log.problemCount - 1) more)" : ""
            throw AgentError(.input, "\(path): \(problem)\(more); correct or remove the line, nothing was imported")
        }
        let sha256 = Array(SHA256.hash(data: bytes))
        var sources: [RecordedSource] = []
        for series in try chosen(log.series, settings) {
            sources.append(
                try source(series, node: node, settings, sha256: sha256, byteCount: Int64(bytes.count)))
        }
        guard !sources.isEmpty else {
            throw AgentError(
                .input, "\(path): no readings of format \(settings.format.rawValue); is --format right for this file?")
        }
        return sources
    }

    /// Slurm accounts for whole jobs: of its table only the job that is imported is taken.
    private func chosen(_ series: [RecordedSeries], _ settings: ImportSettings) throws(AgentError) -> [RecordedSeries] {
        guard settings.format == .sacct, series.count > 1 else { return series }
        let wanted = series.filter { $0.source == "job-" + settings.job.id }
        guard wanted.count == 1 else {
            throw AgentError(
                .input, "\(path): \(series.count) jobs and none is \(settings.job.id); name one of them with --job")
        }
        return wanted
    }

    private func source(
        _ series: RecordedSeries, node: String, _ settings: ImportSettings, sha256: [UInt8], byteCount: Int64
    ) throws(AgentError) -> RecordedSource {
        let readings: [Reading]
        let quantity: SensorDescription.Quantity
        var integration: IntegrationRule?
        let isSource = series.layer == .network
        switch series.points {
        case .power(let points):
            // A constant holds until the next value: a trapezoid would need a reading that nobody took.
            let rule = isSource && series.provenance == .estimated ? .right : settings.integration ?? .trapezoid
            integration = rule
            quantity = .power(rule: rule)
            readings = points.map {
                Reading(monotonicNanoseconds: $0.utcMicroseconds &* 1000, value: .power($0.powerMicrowatts))
            }
        case .counter(let points):
            guard settings.integration == nil else {
                throw AgentError(
                    .usage, "\(path): --integration is for power; \(settings.format.rawValue) carries energy here")
            }
            quantity = .microjouleCounter()
            readings = points.map {
                Reading(monotonicNanoseconds: $0.utcMicroseconds &* 1000, value: .counter($0.energyMicrojoules))
            }
        }
        let period = Self.periodMilliseconds(readings)
        let sensor = SensorDescription(
            id: try sensorID(series.source, settings), kind: series.kind, layer: series.layer,
            provenance: series.provenance, quantity: quantity,
            maximumPowerMicrowatts: PowerIntegral.powerBoundMicrowatts, refreshMilliseconds: period,
            periodMilliseconds: period)
        return RecordedSource(
            path: path, node: node, subject: isSource ? .source : .node, sensor: sensor, readings: readings,
            fileSHA256: sha256, fileByteCount: byteCount, format: settings.format.rawValue, integration: integration,
            wasReordered: series.backwardStamps > 0)
    }

    /// The cluster is part of the identity: equal node names of two clusters must never supersede each other.
    private func sensorID(_ source: String, _ settings: ImportSettings) throws(AgentError) -> String {
        guard SensorDescription.isWellFormed(settings.job.cluster, maximumBytes: 64) else {
            throw AgentError(
                .usage,
                "--cluster '\(settings.job.cluster)': a cluster is 1 to 64 letters, digits and ._:/-; write it so")
        }
        let part = source == "node" || source.hasPrefix("switch-") ? "" : ":" + source
        let id = "\(settings.format.rawValue):\(settings.job.cluster)\(part)"
        guard SensorDescription.isWellFormed(id) else {
            throw AgentError(
                .input, "\(path): `\(source)` cannot be part of a sensor's name; use letters, digits and ._:/- there")
        }
        return id
    }

    /// How far apart the readings usually lie, in whole milliseconds: the median, so that a hole does not change it.
    static func periodMilliseconds(_ readings: [Reading]) -> Int64 {
        let gaps = zip(readings, readings.dropFirst()).map { $1.monotonicNanoseconds - $0.monotonicNanoseconds }
            .sorted()
        guard !gaps.isEmpty else { return 1000 }
        return min(max(1, gaps[gaps.count / 2] / 1_000_000), 86_400_000)
    }
}
