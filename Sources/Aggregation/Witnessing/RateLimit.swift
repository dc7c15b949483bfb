/// So many requests in a row and so many a second, for each of a bounded number of callers. No clock.
package struct RateLimit: Sendable {
    private struct Bucket {
        var tokens: Int64
        var filledAtMilliseconds: Int64
    }

    private let perSecond: Int64
    private let burst: Int64
    private var buckets: [String: Bucket] = [:]
    static let maximumCallers = 10_000
    /// Tokens are counted in thousandths, so that one refills in every millisecond for each a second.
    private static let one: Int64 = 1000

    package init(perSecond: Int64, burst: Int64) {
        self.perSecond = max(1, perSecond)
        self.burst = max(1, burst)
    }

    /// Takes one request of a caller.
    ///
    /// - Returns: false when it has to come back later.
    package mutating func take(_ caller: String, nowMilliseconds now: Int64) -> Bool {
        if buckets.count >= Self.maximumCallers, buckets[caller] == nil { forgetIdle(now) }
        guard buckets.count < Self.maximumCallers || buckets[caller] != nil else { return false }
        var bucket = buckets[caller] ?? Bucket(tokens: burst * Self.one, filledAtMilliseconds: now)
        bucket.tokens = filled(bucket, now)
        bucket.filledAtMilliseconds = now
        defer { buckets[caller] = bucket }
        guard bucket.tokens >= Self.one else { return false }
        bucket.tokens -= Self.one
        return true
    }

    private func filled(_ bucket: Bucket, _ now: Int64) -> Int64 {
        let elapsed = min(max(0, now - bucket.filledAtMilliseconds), 1_000_000)
        return min(burst * Self.one, bucket.tokens + elapsed * perSecond)
    }

    /// A full bucket says nothing that a new one would not.
    private mutating func forgetIdle(_ now: Int64) {
        buckets = buckets.filter { filled($0.value, now) < burst * Self.one }
    }
}
