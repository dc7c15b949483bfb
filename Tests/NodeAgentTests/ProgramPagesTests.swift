import Testing

@testable import NodeAgent

@Suite struct ProgramPagesTests {
    private static let second: Int64 = 1_000_000_000

    /// How often it wants to be called between two readings.
    private func calls(_ pages: inout ProgramPages, from begin: Int64, to end: Int64) -> Int {
        var calls = 0
        var now = begin
        while calls < 1000 {
            now += pages.milliseconds(until: end, from: now) * 1_000_000
            if now >= end { return calls }
            pages.tick(at: now)
            calls += 1
        }
        return calls
    }

    /// Signing, sending and the acknowledgement need different pages, one after the other within milliseconds.
    @Test func aBatchIsFollowedCloselyAndThenLeftAlone() {
        // The start is far away, so that no page of the test goes.
        var pages = ProgramPages(startedAt: 1 << 60)
        let signed = 100 * Self.second
        pages.beforeBatch(at: signed)
        pages.afterBatch(at: signed)
        #expect(pages.milliseconds(until: signed + Self.second, from: signed) <= 4)
        let first = calls(&pages, from: signed, to: signed + Self.second)
        let later = (1..<5).map { calls(&pages, from: signed + $0 * Self.second, to: signed + ($0 + 1) * Self.second) }
        #expect((6...10).contains(first) && later == [1, 0, 1, 0])
    }

    @Test func batchesInQuickSuccessionAreNotFollowed() {
        var pages = ProgramPages(startedAt: 1 << 60)
        let signed = 100 * Self.second
        pages.beforeBatch(at: signed)
        pages.afterBatch(at: signed)
        _ = calls(&pages, from: signed, to: signed + 5 * Self.second)
        for time in stride(from: signed + 5 * Self.second, to: signed + 20 * Self.second, by: 5_000_000_000) {
            pages.beforeBatch(at: time)
            pages.afterBatch(at: time)
            #expect(calls(&pages, from: time, to: time + Self.second) == 0)
        }
    }

    /// A thread that slept through several of the moments makes up for them once.
    @Test func whatWasMissedIsOneCall() {
        var pages = ProgramPages(startedAt: 1 << 60)
        let signed = 100 * Self.second
        pages.beforeBatch(at: signed)
        pages.afterBatch(at: signed)
        pages.tick(at: signed + Self.second)
        #expect(calls(&pages, from: signed + Self.second, to: signed + 10 * Self.second) == 2)
    }
}
