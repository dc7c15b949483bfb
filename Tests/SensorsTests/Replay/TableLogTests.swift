import Energy
import SeededRandom
import Testing

@testable import Sensors

private func parse(
    _ text: String, _ format: RecordedLog.Format, options: RecordedLog.Options = .init()
) -> RecordedLog {
    RecordedLog.parse(Array(text.utf8), format: format, options: options)
}

@Suite struct NvidiaSMILogTests {
    @Test func readsEachGPUByItsUUID() {
        let log = parse(
            """
            timestamp, uuid, index, power.draw [W], temperature.gpu
            2024/05/16 22:30:49.339, GPU-aa, 0, 69.12 W, 30
            2024/05/16 22:30:49.341, GPU-bb, 1, 70.00 W, 31
            2024/05/16 22:30:50.339, GPU-aa, 0, [N/A], 30
            2024/05/16 22:30:50.341, GPU-bb, 1, [Unknown Error], 30
            timestamp, uuid, index, power.draw [W], temperature.gpu
            2024/05/16 22:30:51.339, GPU-aa, 0, 700.5 W, 30
            2024/05/16 22:30:52.339, GPU-aa, 0, 70
            """, .nvidiaSMI)
        #expect(log.series.map(\.source) == ["GPU-aa", "GPU-bb"])
        #expect(log.series[0].powerPoints.map(\.powerMicrowatts) == [69_120_000, 700_500_000])
        #expect(log.series[0].powerPoints[0].utcMicroseconds == 1_715_898_649_339_000)
        #expect((log.readingLineCount, log.missingLineCount, log.otherLineCount) == (3, 2, 2))
        #expect(log.problems.map(\.line) == [8])
        #expect(log.series.allSatisfy { $0.layer == .gpu && $0.provenance == .recorded })
    }

    @Test func nounitsAndLocalTimeAndIndex() {
        let log = parse(
            "index,timestamp,power.draw.instant\n3,2024/05/17 00:30:49.339,123450 mW\n", .nvidiaSMI,
            options: .init(localOffsetSeconds: 7200))
        #expect(log.series[0].source == "gpu-3")
        #expect(
            log.series[0].powerPoints == [.init(utcMicroseconds: 1_715_898_649_339_000, powerMicrowatts: 123_450_000)])
    }

    @Test func withoutHeaderEveryLineIsAProblemWithARemedy() {
        let log = parse("2024/05/16 22:30:49.339, 69.12 W\n", .nvidiaSMI)
        #expect(log.series.isEmpty)
        #expect(log.problems.first?.description.contains("--format=csv") == true)
    }
}

@Suite struct DCGMLogTests {
    @Test func counterWinsOverPowerOfTheSameGPU() {
        let log = parse(
            """
            time,gpu,field,value
            1700000000,0,155,300.5
            1700000000,0,156,1000
            1700000000,1,155,301
            1700000000,0,1002,0.5
            1700000001,0,156,1301
            1700000001,0,156,9223372036854775794
            1700000001,1,155,140737488355330.0
            1700000002,1,155,2147483635
            """, .dcgm)
        #expect(log.series.map(\.source).sorted() == ["gpu-0", "gpu-1"])
        let counter = log.series.first { $0.source == "gpu-0" }
        #expect(
            counter?.points
                == .counter([
                    .init(utcMicroseconds: 1_700_000_000_000_000, energyMicrojoules: 1_000_000),
                    .init(utcMicroseconds: 1_700_000_001_000_000, energyMicrojoules: 1_301_000),
                ]))
        #expect((log.readingLineCount, log.missingLineCount, log.otherLineCount, log.problemCount) == (3, 3, 3, 0))
    }

    @Test func wideTable() {
        let log = parse(
            "#Timestamp,UUID,DCGM_FI_DEV_POWER_USAGE [W]\n2024-05-16T22:30:49Z,GPU-aa,69.1\n", .dcgm)
        #expect(log.series[0].powerPoints.map(\.powerMicrowatts) == [69_100_000])
    }
}

@Suite struct PowerCSVTests {
    @Test func withAndWithoutHeader() {
        let plain = parse("1700000000.5,100\n1700000001.5;bad\n1700000002.5,\n1700000003,-1.5\n", .csv)
        #expect(plain.series[0].powerPoints.map(\.powerMicrowatts) == [100_000_000, -1_500_000])
        #expect((plain.problems.map(\.line), plain.missingLineCount) == ([2], 1))

        let named = parse(
            "Time;Outlet;Power (kW)\n2024-05-16T22:30:49+02:00;\"a;\"\"b\";1.25\n# comment\n2024-05-16 22:30:50;c;1\n",
            .csv, options: .init(layer: .facility))
        #expect(named.series.map(\.source) == ["a;\"b", "c"])
        #expect(
            named.series[0].powerPoints == [
                .init(utcMicroseconds: 1_715_891_449_000_000, powerMicrowatts: 1_250_000_000)
            ])
        #expect(named.series[0].layer == .facility)
    }

    @Test func headerWithoutPowerNamesTheRemedy() {
        let log = parse("when,how much\n1,2\n", .csv)
        #expect(log.problems.first?.text.contains("`watts`") == true)
    }
}

@Suite struct SacctLogTests {
    @Test func takesTheJobAndNeverItsSteps() {
        let log = parse(
            """
            JobID|Start|End|ConsumedEnergyRaw
            5|2024-05-16T22:00:00|2024-05-16T22:10:00|54360
            5.batch|2024-05-16T22:00:00|2024-05-16T22:10:00|54360
            5.0|2024-05-16T22:00:10|2024-05-16T22:09:00|16700
            6|2024-05-16T22:00:00|2024-05-16T22:10:00|18446744073709110816
            7|2024-05-16T22:00:00|2024-05-16T22:10:00|
            8|2024-05-16T22:00:00|Unknown|12
            9|2024-05-16T22:00:00|2024-05-16T22:10:00|0
            5|2024-05-16T22:00:00|2024-05-16T22:10:00|54360
            """, .sacct)
        #expect(log.series.map(\.source) == ["job-5"])
        #expect(log.problems.map(\.line) == [5, 7, 9])
        #expect((log.missingLineCount, log.otherLineCount) == (2, 3))
        guard case .counter(let points) = log.series[0].points else { return #expect(Bool(false)) }
        #expect(points.map(\.energyMicrojoules) == [0, 54_360_000_000])
    }

    @Test func unitLetters() {
        let log = parse("JobID|Start|End|ConsumedEnergy\n5|2024-05-16T22:00:00|2024-05-16T22:10:00|54.36K\n", .sacct)
        guard case .counter(let points) = log.series[0].points else { return #expect(Bool(false)) }
        #expect(points.last?.energyMicrojoules == 54_360_000_000)
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29 12:00:00.5", 951_825_600_500_000),
            ("2024/05/16 22:30:49.339", 1_715_898_649_339_000), ("1715898649", 1_715_898_649_000_000),
            ("1715898649339", 1_715_898_649_339_000), ("1715898649339001", 1_715_898_649_339_001),
            ("1715898649339001999", 1_715_898_649_339_001), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("2024-05-16T22:30:49-0130", 1_715_904_049_000_000),
        ] as [(String, Int64)])
    func known(text: String, microseconds: Int64) {
        #expect(Timestamp.microseconds(Array(text.utf8)) == microseconds)
    }

    @Test(arguments: [
        "", "now", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00", "2024-05-16T22:30", "-5", "2024-05-16T24:00:00Z",
        "2024-05-16T22:30:49+2", "2024-05-16T22:30:49 CET", "1700-01-01T00:00:00Z",
    ])
    func refused(text: String) { #expect(Timestamp.microseconds(Array(text.utf8)) == nil) }
}

/// No input may crash a parser or make it lose a line.
@Suite struct RecordedLogPropertyTests {
    private static let seeds = [
        ":::MLLOG {\"time_ms\": 1700000000000, \"key\": \"power_reading\", \"value\": 12.5}",
        "timestamp, uuid, power.draw [W]", "2024/05/16 22:30:49.339, GPU-aa, 69.12 W", "time,gpu,field,value",
        "1700000000,0,156,1000", "JobID|Start|End|ConsumedEnergyRaw", "5|2024-05-16T22:00:00|2024-05-16T22:10:00|7",
        "time,watts", "1700000000,5", "\"", "", "\u{0}", "[N/A]",
    ]

    @Test(arguments: RecordedLog.Format.allCases)
    func everyLineIsCountedOnce(format: RecordedLog.Format) {
        for seed in UInt64(0)..<400 {
            var random = SeededRandom(seed: seed)
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                var line = Array(Self.seeds.randomElement(using: &random)!.utf8)
                if !line.isEmpty, Bool.random(using: &random) {
                    line[Int.random(in: 0..<line.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                bytes += line + [10]
            }
            let log = RecordedLog.parse(bytes, format: format)
            let lines = LogLines(bytes).reduce(0) { count, _ in count + 1 }
            if !log.problems.contains(where: { $0.text.contains("UTF-16") }) {
                #expect(log.lineCount == lines, "seed \(seed)")
            }
            for series in log.series {
                let stamps = series.powerPoints.map(\.utcMicroseconds)
                #expect(stamps == stamps.sorted(), "seed \(seed)")
            }
        }
    }
}
