package import Batches
package import Energy
package import Sensors

/// What an import is told beside its files.
package struct ImportSettings: Sendable {
    package var format: RecordedLog.Format
    package var job: JobKey
    /// Names and labels of the job for its record.
    package var labels: [String: String]
    /// Readings outside the window are imported and belong to nobody.
    package var start: UTCTime?
    package var stop: UTCTime?
    package var expectedNodes: Int64?
    /// nil takes trapezoids; only for formats of power.
    package var integration: IntegrationRule?
    /// Seconds that local stamps without a zone are ahead of UTC.
    package var localOffsetSeconds: Int64
    /// Where the meter of a table without that knowledge sits.
    package var layer: Layer?
    package var intervalSeconds: Int64

    package init(
        format: RecordedLog.Format, job: JobKey, labels: [String: String] = [:], start: UTCTime? = nil,
        stop: UTCTime? = nil, expectedNodes: Int64? = nil, integration: IntegrationRule? = nil,
        localOffsetSeconds: Int64 = 0, layer: Layer? = nil, intervalSeconds: Int64 = 30
    ) {
        self.format = format
        self.job = job
        self.labels = labels
        self.start = start
        self.stop = stop
        self.expectedNodes = expectedNodes
        self.integration = integration
        self.localOffsetSeconds = localOffsetSeconds
        self.layer = layer
        self.intervalSeconds = intervalSeconds
    }

    /// - Throws: `usage`.
    package func check() throws(AgentError) {
        if let start, let stop, start >= stop {
            throw AgentError(.usage, "--start is not before --stop; both are times in UTC")
        }
        guard Batch.intervalSecondsRange.contains(Int(clamping: intervalSeconds)) else {
            throw AgentError(.usage, "the batch interval is \(intervalSeconds) s; use 5 to 300")
        }
        if let expectedNodes, expectedNodes < 1 {
            throw AgentError(
                .usage, "--expect-nodes \(expectedNodes) is not a number of nodes; leave it out if unknown")
        }
        let record = JobRecord(key: job, salt: [UInt8](repeating: 0, count: 16), labels: labels)
        guard labels.keys.allSatisfy({ SensorDescription.isWellFormed($0, maximumBytes: 64) }),
            labels.count <= JobRecord.maximumLabels, record.text.count <= JobRecord.maximumBytes
        else { throw AgentError(.usage, "the labels of job \(job) are too many, too long, or not plain words") }
    }
}
