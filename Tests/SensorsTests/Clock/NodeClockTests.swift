import Testing

@testable import Sensors

@Suite struct NodeClockTests {
    @Test(
        arguments: [
            (0, 0x2001, 900, .synchronised, 900), (0, 0x2001, 1_000_000, .synchronised, 1_000_000),
            (0, 0x2001, 1_000_001, .informative, 1_000_001), (1, 0x2011, 10, .synchronised, 10),
            (5, 0x40, 16_000_000, .relative, nil), (0, 0x40, 10, .relative, nil), (5, 0, 10, .relative, nil),
            (0, 0, -1, .relative, nil), (-1, 0, 0, .unknown, nil),
        ] as [(Int32, UInt32, Int64, ClockQuality.Letter, Int64?)])
    func letters(result: Int32, status: UInt32, error: Int64, letter: ClockQuality.Letter, bound: Int64?) {
        let quality = ClockQuality.judge(result: result, status: status, maximumErrorMicroseconds: error)
        #expect(quality == ClockQuality(letter: letter, errorMicroseconds: bound))
    }

    @Test func bootIDIsTheKernelsOrNothing() {
        let tree = FixtureTree(["sys/kernel/random/boot_id": "0F8CC1E6-1b62-4e0e-8a36-2d2f7c1c9f01\n"])
        #expect(NodeClock.bootID(procfsRoot: tree.root) == "0f8cc1e6-1b62-4e0e-8a36-2d2f7c1c9f01")
        tree.write("sys/kernel/random/boot_id", "not-a-boot-id\n")
        #expect(NodeClock.bootID(procfsRoot: tree.root) == nil)
        #expect(NodeClock.bootID(procfsRoot: tree.root + "/none") == nil)
    }

    @Test func clocksRun() {
        let first = NodeClock.bootNanoseconds()
        #expect(NodeClock.bootNanoseconds() >= first)
        #expect(NodeClock.utcMicroseconds() > 1_700_000_000_000_000)
        _ = NodeClock.quality()
    }
}
