/// Growing pauses between attempts, doubling between two bounds.
struct BackOff: Sendable {
    let shortestNanoseconds: Int64
    let longestNanoseconds: Int64
    private var next: Int64

    init(shortestNanoseconds: Int64, longestNanoseconds: Int64) {
        self.shortestNanoseconds = shortestNanoseconds
        self.longestNanoseconds = longestNanoseconds
        next = shortestNanoseconds
    }

    /// The pause before the next attempt.
    mutating func pause() -> Int64 {
        defer { next = min(next * 2, longestNanoseconds) }
        return next
    }

    mutating func reset() { next = shortestNanoseconds }
}
