import Disclosure
import Energy

/// Replays a log out of the database, portion by portion.
struct LogReading: Sendable {
    let database: LogDatabase
    let origin: String
    private static let portion: Int64 = 1024

    /// A replay from the first entry on.
    ///
    /// - Parameters:
    ///   - period: hours whose sums are kept, nil for the whole life of the log.
    ///   - goesOn: keeps what a later entry may name, so that the replay can be extended.
    func replay(
        to size: UInt64, period: UTCInterval?, goesOn: Bool = false,
        progress: (UInt64) -> Void = { _ in }
    ) async throws -> LogReplay {
        var survey = LogSurvey()
        if goesOn {
            for size in try await database.publishedSizes(0...Int64(clamping: size)) { survey.keepRoot(at: size) }
        }
        try await forEachNote(in: 0..<size) { note throws in try survey.append(note[...]) }
        var replay = LogReplay(origin: origin, survey: survey, period: period)
        try await append(to: &replay, upTo: size, progress: progress)
        return replay
    }

    /// Goes on to a size.
    ///
    /// - Returns: false when there is no replay, or when the entries up to there speak of what it has not kept; nothing
    ///   has changed then.
    func extend(_ replay: inout LogReplay?, to size: UInt64) async throws -> Bool {
        guard let known = replay?.size else { return false }
        guard known < size else { return known == size }
        var survey = LogSurvey(from: known)
        try await forEachNote(in: known..<size) { note throws in try survey.note(note[...]) }
        let published = try await database.publishedSizes(Int64(clamping: known)...Int64(clamping: size))
        guard replay?.extend(by: survey, published: published) == true, var extended = replay.take() else {
            return false
        }
        try await append(to: &extended, upTo: size)
        replay = extended
        return true
    }

    private func append(
        to replay: inout LogReplay, upTo size: UInt64, progress: (UInt64) -> Void = { _ in }
    ) async throws {
        var recall = CheckedEntry.Recall()
        try await forEachNote(in: replay.size..<size) { note throws in
            try replay.append(
                CheckedEntry(
                    index: replay.size, bytes: note, samples: nil,
                    keys: replay.signers.map(CheckedEntry.KnownKeys.init), recall: &recall))
            if replay.size.isMultiple(of: UInt64(Self.portion)) { progress(replay.size) }
        }
    }

    private func forEachNote(in range: Range<UInt64>, _ body: ([UInt8]) throws -> Void) async throws {
        var start = Int64(clamping: range.lowerBound)
        let end = Int64(clamping: range.upperBound)
        while start < end {
            let next = min(end, start + Self.portion)
            for note in try await database.notes(start..<next) { try body(note) }
            start = next
        }
    }
}
