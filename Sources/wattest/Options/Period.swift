import ArgumentParser
import Disclosure
import Energy
import JSONText

/// A period of whole UTC hours, as reports and evidence take it.
struct Period: Equatable {
    let start: UTCTime
    let end: UTCTime

    /// - Parameter options: by which both are given.
    init(from: String, to: String, options: (String, String) = ("--from", "--to")) throws(CommandFailure) {
        start = try Self.hour(from, option: options.0)
        end = try Self.hour(to, option: options.1)
        guard start < end else {
            throw .usage(
                "the period ends at \(to) and does not begin before that", "give a \(options.0) before \(options.1)")
        }
    }

    /// - Returns: a whole UTC hour.
    static func hour(_ text: String, option: String) throws(CommandFailure) -> UTCTime {
        guard let microseconds = Instant.zoned(Array(text.utf8)) else {
            throw .usage("\(option) '\(text)' is no time", "write YYYY-MM-DDTHH:00Z or RFC 3339")
        }
        let time = UTCTime(microseconds: microseconds)
        guard !time.isWholeHour else { return time }
        let before = UTCTime(hour: time.hour)
        let after = UTCTime(hour: time.hour + 1)
        let isNearerBefore = time.microseconds - before.microseconds <= UTCTime.microsecondsPerHour / 2
        let (nearest, other) = isNearerBefore ? (before, after) : (after, before)
        throw .usage(
            "\(option) '\(text)' is not a whole UTC hour, and periods are of whole hours",
            "the nearest is \(TimeText.rfc3339(nearest)), the next \(TimeText.rfc3339(other))")
    }
}

/// `--from` and `--to` of a command.
struct PeriodOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Begin, a whole UTC hour.", valueName: "yyyy-mm-ddThh:00Z"))
    var from: String

    @Option(help: ArgumentHelp("End, a whole UTC hour, not included.", valueName: "yyyy-mm-ddThh:00Z"))
    var to: String

    var period: Period {
        get throws(CommandFailure) { try Period(from: from, to: to) }
    }
}

/// `--start` and `--end` of what a meter or a contract is about.
struct SpanOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The first hour that it is about.", valueName: "yyyy-mm-ddThh:00Z"))
    var start: String

    @Option(help: ArgumentHelp("Its end, not included.", valueName: "yyyy-mm-ddThh:00Z"))
    var end: String

    var period: Period {
        get throws(CommandFailure) { try Period(from: start, to: end, options: ("--start", "--end")) }
    }
}

/// From when until when a setting holds, and why.
struct SettingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The whole UTC hour from which on it holds; else always.", valueName: "yyyy-mm-ddThh:00Z"))
    var from: String?

    @Option(help: ArgumentHelp("The whole UTC hour until which it holds.", valueName: "yyyy-mm-ddThh:00Z"))
    var until: String?

    @Option(help: "Why it is set; stands in the log.")
    var reason: String?

    func setting(_ field: String, of subject: String?, _ value: JSONValue) throws(CommandFailure) -> Setting {
        var setting = Setting(field: field, subject: subject, value: value, reason: reason)
        if let from { setting.effectiveFrom = try Period.hour(from, option: "--from") }
        if let until { setting.effectiveUntil = try Period.hour(until, option: "--until") }
        if let from, let until { _ = try Period(from: from, to: until, options: ("--from", "--until")) }
        return setting
    }
}
