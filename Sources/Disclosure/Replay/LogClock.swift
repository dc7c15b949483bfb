package import Batches
package import Energy

/// What time it certainly was when the log had grown to a size, by the log's own word.
///
/// The administration's entries carry the time at which they were appended. A node's synchronised batch was made after
/// the end of its interval, so its place in the log is later than that; one node's word is not enough, since its clock
/// may run ahead, hence of the nodes the second latest counts.
package struct LogClock: Sendable, Hashable, Codable {
    private struct Claim: Sendable, Hashable, Codable {
        var signer: String
        var time: UTCTime
    }

    private var administration: UTCTime?
    private var latest: Claim?
    private var second: UTCTime?

    package init() {}

    /// The latest time that has certainly passed, nil while nobody has told any.
    package var notBefore: UTCTime? {
        guard let administration, let second else { return administration ?? second }
        return max(administration, second)
    }

    /// Takes a batch that is in the log.
    package mutating func take(_ batch: Batch, signer: String) {
        if batch.clock.letter == .synchronised { claim(batch.facts.interval.end, by: signer) }
    }

    /// Takes an entry that the administration key signed.
    ///
    /// - Returns: the time at which the entry was appended, nil when it does not say so.
    package mutating func take(_ entry: Entry) -> UTCTime? {
        guard let time = Self.appendTime(of: entry) else { return nil }
        administration = max(administration ?? time, time)
        return time
    }

    /// By how much an entry of the administration says that it is older than one in front of it; nil when it does not.
    package func setback(of entry: Entry) -> Int64? {
        guard let time = Self.appendTime(of: entry), let administration, time < administration else { return nil }
        let (behind, overflow) = administration.microseconds.subtractingReportingOverflow(time.microseconds)
        return overflow ? .max : behind
    }

    private static func appendTime(of entry: Entry) -> UTCTime? {
        switch entry {
        case .genesis(let entry): entry.time
        case .node(let entry): entry.time
        case .set(let entry): entry.time
        case .job(let entry): entry.time
        case .close(let entry): entry.time
        case .conflict(let entry): entry.time
        case .correct(let entry): entry.time
        case .report(let entry): entry.time
        default: nil
        }
    }

    private mutating func claim(_ time: UTCTime, by signer: String) {
        guard let known = latest else {
            latest = Claim(signer: signer, time: time)
            return
        }
        if known.signer == signer {
            latest?.time = max(known.time, time)
        } else if time > known.time {
            second = max(second ?? known.time, known.time)
            latest = Claim(signer: signer, time: time)
        } else {
            second = max(second ?? time, time)
        }
    }
}
