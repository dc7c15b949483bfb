import Energy
import SeededRandom
import Testing

@testable import Sensors

@Suite struct PowercapZoneTests {
    @Test(
        arguments: [
            ("package-0", .package(0, die: nil)), ("package-1-die-3", .package(1, die: 3)), ("dram", .dram),
            ("core", .core),
            ("uncore", .uncore), ("psys", .psys), ("package-", .unknown("package-")),
            ("package-x", .unknown("package-x")),
            ("package-0-die", .unknown("package-0-die")), ("package-0-tile-1", .unknown("package-0-tile-1")),
            ("dram1", .unknown("dram1")),
        ] as [(String, PowercapZone.Domain)])
    func domains(name: String, domain: PowercapZone.Domain) {
        #expect(PowercapZone(directory: "intel-rapl:0", name: name)?.domain == domain)
    }

    @Test func onlyRAPLZonesAreZones() {
        for directory in ["intel-rapl", "dtpm:0", "intel-rapl:", "intel-rapl:x", "intel-rapl:0:", "intel-rapl:0:-1"] {
            #expect(PowercapZone(directory: directory, name: "package-0") == nil)
        }
        #expect(PowercapZone(directory: "intel-rapl-mmio:0", name: "package-0")?.isMemoryMapped == true)
    }

    @Test func limitsComeFromTheConstraintsWithMargin() {
        let server = PowercapLimits(
            range: 262_143_328_850, constraints: [350_000_000, 420_000_000, 0], isMemory: false)
        #expect(server.maximumPowerMicrowatts == 630_000_000)
        #expect(server.modulus == 262_143_328_850)
        let silent = PowercapLimits(range: 0, constraints: [0, 99_000_000_000_000], isMemory: false)
        #expect((silent.modulus, silent.maximumPowerMicrowatts) == (nil, 1_000_000_000))
        #expect(PowercapLimits(range: nil, constraints: [], isMemory: true).maximumPowerMicrowatts == 200_000_000)
    }

    /// The period is never above a quarter of the time in which the counter can wrap.
    @Test func periodIsAQuarterOfTheWrapTime() {
        for seed in UInt64(0)..<500 {
            var random = SeededRandom(seed: seed)
            let range = UInt64.random(in: PowercapLimits.smallestRangeMicrojoules...1_000_000_000_000, using: &random)
            let limits = PowercapLimits(
                range: range, constraints: [UInt64.random(in: 1_000_000...2_000_000_000, using: &random)],
                isMemory: false)
            let wrapMilliseconds = Int64(Int128(range) * 1000 / Int128(limits.maximumPowerMicrowatts))
            #expect(limits.periodMilliseconds <= max(50, wrapMilliseconds / 4), "seed \(seed)")
        }
    }
}
