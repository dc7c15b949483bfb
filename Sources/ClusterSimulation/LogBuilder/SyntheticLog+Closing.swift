package import Batches
package import Disclosure
package import Energy

extension SyntheticLog {
    /// What the books of a period say now.
    package func closingStatement(of period: UTCInterval) throws -> ClosingStatement {
        var survey = LogSurvey()
        survey.watch(period)
        for bytes in entries { try survey.append(bytes[...]) }
        var replay = LogReplay(origin: origin, survey: survey)
        for (index, bytes) in entries.enumerated() {
            try replay.append(
                CheckedEntry(index: UInt64(index), bytes: bytes, samples: nil, keys: replay.signers))
        }
        return replay.closingStatement(of: period) ?? ClosingStatement(CloseEntry.Content())
    }

    /// Closes the books of a period.
    ///
    /// - Parameter change: what a dishonest operator does to each entry before it is signed.
    /// - Returns: index of the first part.
    @discardableResult
    package mutating func close(
        _ period: UTCInterval, _ change: (inout CloseEntry) -> Void = { _ in }
    ) throws -> UInt64 {
        let first = size
        let statement = try closingStatement(of: period)
        let salt = salt()
        for var entry in statement.entries(
            log: origin, time: now, period: period, size: Int64(clamping: first), salt: { salt })
        {
            change(&entry)
            try append(.close(entry), by: administration)
        }
        return first
    }
}
