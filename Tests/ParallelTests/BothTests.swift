import Testing

@testable import Parallel

@Suite struct BothTests {
    @Test(arguments: [true, false])
    func eachIsMadeOnceAndStandsInItsPlace(isWorthwhile: Bool) {
        let made = both(isWorthwhile: isWorthwhile) {
            (0..<10_000).reduce(0, +)
        } _: {
            "second"
        }
        #expect(made.0 == 49_995_000)
        #expect(made.1 == "second")
    }

    @Test func insideOfEachOther() {
        let made = both(isWorthwhile: true) {
            both(isWorthwhile: true) {
                1
            } _: {
                2
            }
        } _: {
            (0..<300).map(\.self).parallelMap(minimumShare: 1) { $0 * 2 }.reduce(0, +)
        }
        #expect(made.0 == (1, 2))
        #expect(made.1 == 89_700)
    }
}
