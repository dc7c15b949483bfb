import Energy

/// When the node's sensors are looked for again: every hour, and after a minute in which one of them was gone.
struct Discovery {
    /// Another set of sensors, until the open interval has ended.
    var candidate: Sampler?
    private var last: Int64?
    private var goneSince: Int64?

    static let periodNanoseconds: Int64 = 3_600_000_000_000
    static let patienceNanoseconds: Int64 = 60_000_000_000

    mutating func isDue(at now: Int64, samples: [Sampler.Sample]) -> Bool {
        guard candidate == nil else { return false }
        let isGone = samples.contains { $0.reading.value == .unreadable(.gone) }
        goneSince = isGone ? goneSince ?? now : nil
        let start = last ?? now
        last = start
        let isPatient = now - start < Self.periodNanoseconds
        let isMissed = goneSince.map { now - max($0, start) >= Self.patienceNanoseconds } ?? false
        guard !isPatient || isMissed else { return false }
        last = now
        return true
    }
}
