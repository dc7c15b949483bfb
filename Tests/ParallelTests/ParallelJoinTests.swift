import Testing

@testable import Parallel

@Suite struct ParallelJoinTests {
    /// From a few bytes to more than large pages hold, with empty parts at every place.
    @Test(arguments: [[], [0], [3], [0, 1, 0, 2, 0], [70_000, 1, 5_000_000, 0, 4_300_001, 1 << 21]])
    func itIsTheBytesInTheirOrder(counts: [Int]) {
        let parts = counts.enumerated().map { place, count in
            (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ place) }
        }
        #expect(parts.parallelJoined() == Array(parts.joined()))
    }
}
