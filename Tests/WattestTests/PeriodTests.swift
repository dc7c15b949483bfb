import Energy
import Testing

@testable import wattest

struct PeriodTests {
    @Test(arguments: [
        "2024-05-17T04:00Z", "2024-05-17T04:00:00Z", "2024-05-17t04:00:00.000z", "2024-05-17T06:00+02:00",
        "2024-05-17T00:00:00-04:00", "2024-05-17T09:30+05:30",
    ])
    func spellings(of text: String) throws {
        #expect(try Period.hour(text, option: "--from") == UTCTime(seconds: 1_715_918_400))
    }

    @Test(arguments: [
        ("2024-05-17T04:20Z", "2024-05-17T04:00:00Z"), ("2024-05-17T04:31Z", "2024-05-17T05:00:00Z"),
        ("2024-12-31T23:59:59.5Z", "2025-01-01T00:00:00Z"),
        ("2024-05-17T06:00+05:30", "2024-05-17T00:00:00Z"),
    ])
    func nearestIsNamed(text: String, nearest: String) throws {
        let error = #expect(throws: CommandFailure.self) { try Period.hour(text, option: "--to") }
        #expect(error?.status == .usage)
        #expect(error?.message.contains("nearest is \(nearest)") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        "", "yesterday", "2024-05-17", "2024-05-17T04", "2024-05-17T04:00", "2024-13-01T00:00Z", "2024-02-30T00:00Z",
    ])
    func nonsense(_ text: String) throws {
        let error = #expect(throws: CommandFailure.self) { try Period.hour(text, option: "--from") }
        #expect(error?.status == .usage)
        #expect(error?.message.contains("--from") == true)
    }

    @Test func periodsGoForward() {
        #expect(throws: CommandFailure.self) { try Period(from: "2024-05-17T05:00Z", to: "2024-05-17T05:00Z") }
        #expect(throws: CommandFailure.self) { try Period(from: "2024-05-17T06:00Z", to: "2024-05-17T05:00Z") }
    }

    @Test(arguments: [
        ("1715921878403", 1_715_921_878_403_000), ("2024-05-17T04:57:58.403Z", 1_715_921_878_403_000),
        ("2024-05-17T06:57:58.403+02:00", 1_715_921_878_403_000),
        ("2024-05-17T04:57:58.403456Z", 1_715_921_878_403_456),
    ])
    func instants(text: String, microseconds: Int64) throws {
        #expect(try Instant.parse(text, option: "--start").microseconds == microseconds)
    }

    @Test(arguments: ["-1", "2024-05-17T04:57:58.403", "1715921878403.5", "now"])
    func instantsRefused(_ text: String) {
        #expect(throws: CommandFailure.self) { try Instant.parse(text, option: "--start") }
    }

    @Test func offsets() throws {
        #expect(try Instant.offsetSeconds("+05:30") == 19_800)
        #expect(try Instant.offsetSeconds("-08:00") == -28_800)
        #expect(throws: CommandFailure.self) { try Instant.offsetSeconds("8") }
    }
}
