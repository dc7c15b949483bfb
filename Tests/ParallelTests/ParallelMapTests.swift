import Synchronization
import Testing

@testable import Parallel

@Suite struct ParallelMapTests {
    @Test(arguments: [0, 1, 2, 63, 64, 65, 1000, 4097], [1, 7, 64, 5000])
    func eachElementOnceInItsPlace(count: Int, minimumShare: Int) {
        let elements = (0..<count).map { "\($0)" }
        let calls = Atomic(0)
        let mapped = elements.parallelMap(minimumShare: minimumShare) { element in
            calls.add(1, ordering: .relaxed)
            return element + "!"
        }
        #expect(mapped == elements.map { $0 + "!" })
        #expect(calls.load(ordering: .relaxed) == count)
    }

    @Test func aShareBelowOneIsOne() {
        #expect([3, 1, 2].parallelMap(minimumShare: 0) { $0 * 2 } == [6, 2, 4])
        #expect([3, 1, 2].parallelMap(minimumShare: -9) { $0 * 2 } == [6, 2, 4])
    }

    @Test func mapsInsideOfMaps() {
        let sums = (0..<300).map(\.self).parallelMap(minimumShare: 1) { outer in
            (0..<300).map(\.self).parallelMap(minimumShare: 1) { $0 * outer }.reduce(0, +)
        }
        #expect(sums == (0..<300).map { $0 * 44_850 })
    }

    @Test(arguments: [0, 1, 2, 1000]) func somethingElseIsMadeBesideOnce(count: Int) {
        let calls = Atomic(0)
        let (mapped, other) = Array(0..<count).parallelMap(minimumShare: 1) {
            -$0
        } beside: {
            calls.add(1, ordering: .relaxed)
            return "other"
        }
        #expect(mapped == (0..<count).map { -$0 })
        #expect(other == "other")
        #expect(calls.load(ordering: .relaxed) == 1)
    }
}
