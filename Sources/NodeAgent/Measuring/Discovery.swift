import Energy

/// When the node's sensors are looked for again: every hour, after a minute in which one of them was gone, when the
/// kernel shows other sources than before, and when one that could not be read can.
struct Discovery {
    /// Other sensors were found and wait for the open interval to end.
    var isChanging = false
    private var last: Int64?
    private var goneSince: Int64?
    private var lastLook: Int64?
    private var fingerprint: UInt64?
    private var isCured = false

    static let periodNanoseconds: Int64 = 3_600_000_000_000
    static let patienceNanoseconds: Int64 = 60_000_000_000
    /// How often the names of sources are compared.
    static let lookNanoseconds: Int64 = 5_000_000_000

    /// Whether it is time to compare the names of sources.
    mutating func looksAround(at now: Int64) -> Bool {
        if let lastLook, now - lastLook < Self.lookNanoseconds { return false }
        lastLook = now
        return true
    }

    /// - Parameters:
    ///   - unreadable: places of the sensors that could not be read when they were looked for.
    ///   - fingerprint: of the names of sources, nil when they were not compared.
    mutating func isDue(
        at now: Int64, _ samples: [Sampler.Sample], unreadable: Set<Int> = [], fingerprint: UInt64? = nil
    ) -> Bool {
        let isGone = samples.contains { $0.reading.value == .unreadable(.gone) }
        goneSince = isGone ? goneSince ?? now : nil
        if !unreadable.isEmpty, samples.contains(where: { unreadable.contains($0.sensor) && $0.hasValue }) {
            isCured = true
        }
        let start = last ?? now
        last = start
        let isChanged = fingerprint != nil && self.fingerprint != nil && fingerprint != self.fingerprint
        self.fingerprint = fingerprint ?? self.fingerprint
        let isMissed = goneSince.map { now - max($0, start) >= Self.patienceNanoseconds } ?? false
        let isHealed = isCured && now - start >= Self.lookNanoseconds
        guard isChanged || isMissed || isHealed || now - start >= Self.periodNanoseconds else { return false }
        last = now
        isCured = false
        return true
    }
}

extension Sampler.Sample {
    fileprivate var hasValue: Bool { if case .unreadable = reading.value { false } else { true } }
}
