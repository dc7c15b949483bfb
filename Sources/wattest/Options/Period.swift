import ArgumentParser
import Disclosure
import Energy

/// A period of whole UTC hours, as reports and evidence take it.
struct Period: Equatable {
    let start: UTCTime
    let end: UTCTime

    init(from: String, to: String) throws(CommandFailure) {
        start = try Self.hour(from, option: "--from")
        end = try Self.hour(to, option: "--to")
        guard start < end else {
            throw .usage("the period ends at \(to) and does not begin before that", "give a --from before --to")
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
