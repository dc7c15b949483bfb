import Energy

/// The time in which no agent ran, as far as it can be bounded. No I/O.
struct AwayTime: Sendable, Hashable {
    /// Whether the node runs since before it.
    let isSameBoot: Bool
    /// The last moment of which the run before has left word.
    let begin: UTCTime
    /// By then every hold that is not there any more had ended: now, or before the node was started again.
    let end: UTCTime
    let now: Moment

    /// - Parameter witnessed: what the run before left, each with its time.
    init(boot: String, record: WorkRecord, witnessed: [UTCTime], now: Moment) {
        isSameBoot = record.boot == boot
        self.now = now
        // CLOCK_BOOTTIME begins with the boot.
        let latest = isSameBoot ? now.utc : min(now.utc, now.utc(at: 0))
        let begin = (witnessed + [record.written]).max() ?? record.written
        self.begin = begin
        end = max(begin, latest)
    }

    /// Said in the record of a job whose end nobody saw.
    func labels(since: UTCTime) -> [String: String] {
        let from = max(since, begin)
        let way = isSameBoot ? "no agent ran" : "the node was started again"
        return ["end.between": "\(AgentStatus.text(from)) \(AgentStatus.text(max(from, end)))", "end.reason": way]
    }
}
