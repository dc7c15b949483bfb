import Energy
import Testing

@testable import Sensors

@Suite struct MLPerfLogTests {
    private func log(_ name: String) -> RecordedLog {
        RecordedLog.parse(Fixture.bytes("mlperf-training-v4.0/" + name), format: .mlperf)
    }

    private func parse(_ lines: String...) -> RecordedLog {
        RecordedLog.parse(Array(lines.joined(separator: "\n").utf8), format: .mlperf)
    }

    private func reading(_ milliseconds: Int, _ watts: String) -> String {
        #":::MLLOG {"namespace": "", "time_ms": \#(milliseconds), "event_type": "POINT_IN_TIME", "#
            + #""key": "power_reading", "value": \#(watts), "metadata": ""}"#
    }

    /// Independently computed figures of two published logs: samples, longest gap, and the right-rectangle integral
    /// Σ P·Δt over the whole log in whole millijoules.
    @Test(arguments: [
        ("node_1.txt", 159, Int64(2092), Int64(1_838_492_498)),
        ("node_5.txt", 139, 9063, 1_795_700_699),
    ])
    func realLogGivesTheKnownIntegral(name: String, samples: Int, gapMilliseconds: Int64, millijoules: Int64) throws {
        let log = log(name)
        #expect(log.problemCount == 0)
        #expect((log.readingLineCount, log.otherLineCount) == (samples, 2))
        #expect(log.series.count == 1)
        let node = try #require(log.series.first)
        #expect((node.source, node.kind, node.layer, node.provenance) == ("node", "mlperf", .nodeAC, .recorded))
        #expect(node.longestGapMicroseconds == gapMilliseconds * 1000)
        #expect(node.backwardStamps == 0)
        var integral = PowerIntegral(rule: .right)
        for point in node.powerPoints {
            let added = integral.add(nanoseconds: point.utcMicroseconds * 1000, microwatts: point.powerMicrowatts)
            #expect(added)
        }
        #expect(integral.microjoules == millijoules * 1000)
        #expect(log.statedWindow != nil)
    }

    @Test func switchIsAnEstimateOfTheNetworkAndNeverANode() throws {
        let log = log("sw_0.txt")
        let series = try #require(log.series.first)
        #expect((series.source, series.layer, series.provenance) == ("switch-sw_01", .network, .estimated))
        #expect(series.powerPoints == [.init(utcMicroseconds: 1_652_749_794_206_000, powerMicrowatts: 16_100_000_000)])
    }

    @Test func powerIsReadExactly() {
        let log = parse(reading(1_700_000_000_000, "4536.1"), reading(1_700_000_001_000, "4.5e3"))
        #expect(log.series[0].powerPoints.map(\.powerMicrowatts) == [4_536_100_000, 4_500_000_000])
    }

    @Test func badLinesAreNumberedAndTheRestIsKept() {
        let log = parse(
            "Running MLPerf", "", reading(1_700_000_000_000, "10"), ":::MLLOG {\"key\": \"power_rea",
            reading(1_700_000_001_000, "\"ten\""), reading(1_700_000_002_000, "null"),
            #":::MLLOG {"key": "power_reading", "value": 5}"#, "3: " + reading(1_700_000_003_000, "20"))
        #expect(log.problems.map(\.line) == [4, 5, 7])
        #expect((log.readingLineCount, log.missingLineCount, log.otherLineCount) == (2, 1, 1))
        #expect(log.lineCount == 7)
        #expect(log.series[0].powerPoints.map(\.powerMicrowatts) == [10_000_000, 20_000_000])
    }

    @Test func stampsThatRunBackwardsArePutIntoStableOrder() {
        let log = parse(
            reading(1_700_000_002_000, "1"), reading(1_700_000_001_000, "2"), reading(1_700_000_001_000, "3"),
            reading(1_700_000_003_000, "-4"))
        let series = log.series[0]
        #expect(series.powerPoints.map(\.powerMicrowatts) == [2_000_000, 3_000_000, 1_000_000, -4_000_000])
        #expect((series.backwardStamps, series.duplicateStamps) == (1, 1))
    }

    @Test func conversionEfficiencyPutsTheMeterBehindThePowerSupply() {
        let efficiency = #":::MLLOG {"time_ms": 1, "key": "conversion_eff", "value": 0.94}"#
        let log = parse(efficiency, reading(1_700_000_000_000, "10"))
        #expect(log.series[0].layer == .nodeDC)
        #expect(log.series[0].conversionEfficiencyMillionths == 940_000)
        let changed = parse(
            efficiency, efficiency, #":::MLLOG {"key": "conversion_eff", "value": 0.9}"#,
            #":::MLLOG {"key": "conversion_eff", "value": 0}"#)
        #expect(changed.problems.map(\.line) == [3, 4])
    }

    @Test func utf16IsNamed() {
        let log = RecordedLog.parse([0xFF, 0xFE, 0x3A, 0], format: .mlperf)
        #expect(log.problems.first?.text.contains("iconv") == true)
    }
}
