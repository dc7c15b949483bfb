import ArgumentParser
import Emissions
import Energy
import JSONText
import Testing

@testable import wattest

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ForecastCommandTests {
    private static let directory: String = {
        var template = Array("/tmp/wattest-forecast-XXXXXX".utf8CString)
        return mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }()

    /// A file of this call alone: tests of a suite run at once, and two writers of one name take it from each other.
    private func file(_ name: String, _ text: String) async throws -> String {
        let path = "\(Self.directory)/\(UInt64.random(in: .min ... .max))-\(name)"
        try await OutputFile.replace(path) { file in try file.append(Array(text.utf8)) }
        return path
    }

    private func forecast(_ arguments: [String]) async throws -> JSONValue {
        let command = try #require(try Wattest.parseAsRoot(["forecast"] + arguments) as? ForecastCommand)
        let source = try ForecastSource(
            RecordedPower(command.readings, format: command.format.format),
            start: try command.start.map { try Instant.parse($0, option: "--start") },
            until: try command.until.map { try Instant.parse($0, option: "--until") })
        return try ForecastResult(command, source).json
    }

    /// 100 W for an hour, known for its first half.
    private func constant() async throws -> String {
        let lines = (0...30).map { "\(1_731_621_600_000 + $0 * 60_000),100" }.joined(separator: "\n")
        return try await file("constant.csv", "time,watts\n" + lines + "\n")
    }

    @Test func aSteadyJobIsForeseenExactly() async throws {
        let path = try await constant()
        let value = try await forecast(
            ["--readings", path, path, "--done", "5", "--of", "10", "--factor-g-per-kwh", "500", "--pue", "1.5"])
        #expect(value["kwh"]?["total"]?.number?.text == "0.3")
        #expect(value["kwh"]?["carbontracker"]?.number?.text == "0.3")
        #expect(value["kg_co2e"]?["total"]?.number?.text == "0.15")
        #expect(value["hours"]?["total"]?.number?.text == "1")
        // Of one report nobody knows how evenly the time passes.
        #expect(value["hours"]?["low"]?.isNull == true && value["kwh"]?["low"]?.isNull == false)
        #expect(value["missing"]?.array?.contains { $0.string?.hasPrefix("interval of the time") == true } == true)
        let table = try await file("even.csv", "elapsed_s,done\n600,1\n1200,2\n1800,3\n")
        let reported = try await forecast(["--readings", path, "--progress", table, "--of", "6"])
        #expect(reported["hours"]?["low"]?.isNull == false)
        #expect(value["progress"]?.number?.text == "0.5")
    }

    /// 7 minutes at 20 W, then 100 W: what comes is nearer to the steady rate than the mean so far.
    @Test(arguments: [("1e-300", "1e300"), ("1e-9", "1e30"), ("1", "1e10"), ("5e-324", "1"), ("1e18", "1e19")])
    func aTotalBeyondAllMeasureIsRefused(done: String, of units: String) async throws {
        let path = try await constant()
        let error = await #expect(throws: EmissionsError.self) {
            try await forecast(["--readings", path, "--done", done, "--of", units, "--region", "DK"])
        }
        #expect(error?.code == .outOfRange)
        // Far and not too far: a year at most is laid out.
        let far = try await forecast(["--readings", path, "--done", "1", "--of", "1e9", "--region", "DK"])
        #expect(far["kwh"]?["total"]?.number != nil)
    }

    /// Two factors would give a total by the one beside placements by the other.
    @Test(arguments: [["--factor-g-per-kwh=-3"], ["--factor-g-per-kwh", "300", "--region", "DK"]])
    func aFactorThatCannotBeIsRefused(factor: [String]) async throws {
        let path = try await constant()
        #expect(await Wattest.run(["forecast", "--readings", path, "--done", "5", "--of", "10"] + factor) == 2)
    }

    @Test func zonesAreFoundInAnyCaseAndBehindBlanks() async throws {
        let value = try await forecast(
            ["--readings", try await constant(), "--done", "5", "--of", "10", "--region", "dk", "--zones", "se, no"])
        let zones = value["placements"]?["better"]?.array?.compactMap { $0["zone"]?.string } ?? []
        #expect(Set(zones) == ["DK", "SE", "NO"])
    }

    @Test func aStartIsToldApart() async throws {
        let lines = (0...60).map { "\(1_731_621_600_000 + $0 * 60_000),\($0 < 8 ? 20 : 100)" }.joined(separator: "\n")
        let path = try await file("start.csv", "time,watts\n" + lines + "\n")
        let value = try await forecast(["--readings", path, "--done", "10", "--of", "100"])
        let total = try #require(value["kwh"]?["total"]?.number?.double)
        let proportional = try #require(value["kwh"]?["carbontracker"]?.number?.double)
        #expect(proportional < total && total < 1.0)
        let low = try #require(value["kwh"]?["low"]?.number?.double)
        let high = try #require(value["kwh"]?["high"]?.number?.double)
        #expect(low < total && total < high)
        #expect(value["start_marks"]?.int64 ?? 0 > 0)
        #expect(value["missing"]?.array?.contains("emissions: no grid factor is given") == true)
    }

    @Test func progressAndQualityComeFromATable() async throws {
        let path = try await constant()
        let table = try await file(
            "progress.csv",
            "elapsed_s,done,of,accuracy\n600,1,6,0.60\n1200,2,6,0.70\n1800,3,6,0.72\n3600,6,6,0.73\n")
        let value = try await forecast(["--readings", path, "--progress", table, "--metric", "accuracy"])
        #expect(value["progress"]?.number?.text == "0.5")
        #expect(value["kwh"]?["total"]?.number?.text == "0.1")
        // 50 Wh over 0.1 and 0.02 points: five times dearer in the end.
        #expect(value["quality"]?["decline"]?.number?.text == "5")
        #expect(value["quality"]?["steps"]?.array?.count == 2)
    }

    /// A sampled time stands for all of it: that is no constant power that somebody stated.
    @Test func anEstimateFromASampleSaysSo() async throws {
        let words = ["estimate", "--readings", try await constant(), "--hours", "100"]
        let command = try #require(try Wattest.parseAsRoot(words) as? EstimateCommand)
        let value = try EstimateResult(command).json
        #expect(value["kwh"]?.number?.text == "10")
        let basis = value["rests_on"]?.array?.compactMap(\.string) ?? []
        #expect(basis.contains { $0.contains("mean of 1 recorded series over 0.5") }, "\(basis)")
    }

    /// The readings go on for twenty minutes behind the last report, which foretold less than that.
    @Test func aForecastIsNotBelowWhatWasUsed() async throws {
        let path = try await constant()
        let table = try await file("stale.csv", "elapsed_s,done\n60,9\n600,90\n")
        let value = try await forecast(["--readings", path, "--progress", table, "--of", "100"])
        #expect(value["so_far_kwh"] == value["kwh"]?["total"])
        #expect(value["missing"]?.array?.contains { $0.string?.hasPrefix("total: ") == true } == true)
    }

    @Test func elsewhereAndAtOtherHours() async throws {
        let path = try await constant()
        let hours = (0..<48).map { "DK,2024-11-1\(4 + $0 / 24)T\($0 % 24 < 10 ? "0" : "")\($0 % 24)Z,\(300 - $0)" }
        let factors = try await file("hours.csv", "zone,period,g_per_kwh\n" + hours.joined(separator: "\n") + "\n")
        let value = try await forecast([
            "--readings", path, "--done", "1", "--of", "2", "--region", "DK", "--zones", "NO,DK", "--factors", factors,
        ])
        let best = try #require(value["placements"]?["better"]?.array?.first)
        #expect(best["zone"] == "NO")
        let danish = value["placements"]?["better"]?.array?.first { $0["zone"] == "DK" }
        #expect(danish?["start"]?.string == "2024-11-14T23:00:00Z")
        #expect(best["saves_share"]?.number?.double ?? 0 > 0.5)
        // The job's own emissions are by the same table: 0.1 kWh in the hour from 22, at 278 g.
        #expect(value["kg_co2e"]?["total"]?.number?.text == "0.0278")
        #expect(value["placements"]?["own_kg_co2e"]?.number?.text == "0.0278")
    }

    @Test func aJobOfTheServerIsForeseenFromItsHours() throws {
        func hour(_ end: Int, _ energy: Int) -> JSONValue {
            ["end": .string("2024-05-17T0\(end):00:00Z"), "energy_uj": .decimalString(energy)]
        }
        let job: JSONValue = [
            "key": "c/slurm/1@-", "start": "2024-05-17T01:00:00Z", "energy_uj": "720000000000",
            "by_hour": [hour(2, 240_000_000_000), hour(3, 240_000_000_000), hour(4, 240_000_000_000)],
        ]
        let source = try ForecastSource(job: job)
        #expect(source.elapsedMilliseconds == 3 * 3_600_000)
        #expect(source.energy.last?.microjoules == 720_000_000_000)
        #expect(throws: CommandFailure.self) { try ForecastSource(job: ["energy_uj": "0"]) }
    }

    @Test(arguments: [
        ["--done", "1", "--of", "2"], ["--readings", "/nowhere.csv", "--done", "1", "--of", "2"],
        ["--readings", "/nowhere.csv", "--job", "j"],
    ])
    func usageErrors(arguments: [String]) async {
        #expect(await Wattest.run(["forecast"] + arguments) == 2)
    }

    @Test func progressIsLoggedInATable() async throws {
        let path = "\(Self.directory)/log.csv"
        unlink(path)
        let words = ["progress", "--epoch", "3", "--of", "100", "--metric", "accuracy=0.81", "--log", path]
        #expect(await Wattest.run(words) == 0)
        #expect(await Wattest.run(words) == 0)
        #expect(await Wattest.run(["progress", "--epoch", "3", "--log", path]) == 1)
        let reports = try ProgressReports(path: path, start: 0)
        #expect(reports.reports.count == 2 && reports.total == 100)
        #expect(reports.reports[0].figures["accuracy"]?.text == "0.81")
        for wrong in [["--of", "3"], ["--metric", "a=b"], ["--epoch", "x"], ["--epoch", "1", "--step", "2"], []] {
            #expect(await Wattest.run(["progress", "--log", path] + wrong) == 2)
        }
    }
}
