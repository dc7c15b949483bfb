import Aggregation
import Logging
import Synchronization
import Testing

@Suite struct OneLineLogTests {
    /// Keeps what reaches it.
    private final class Kept: LogHandler {
        private let events = Mutex<[LogEvent]>([])

        var all: [LogEvent] { events.withLock { $0 } }
        func log(event: LogEvent) { events.withLock { $0.append(event) } }

        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
    }

    /// A witness answers with what it likes, and so do clients that ask for paths.
    @Test func nothingEndsTheLineOrReachesTheTerminal() throws {
        let kept = Kept()
        let logger = Logger(label: "test") { _ in OneLineLog(kept) }
        let foreign = "no\n2026-10-01 error: all is well \u{1B}[2J\u{9B}31m"
        logger.error(
            "witness \(foreign)",
            metadata: ["what": "\(foreign)", "list": [.string(foreign)], "more": ["deep": .stringConvertible(foreign)]])
        let event = try #require(kept.all.first)
        let texts =
            [event.message.description]
            + (event.metadata?.values.map(\.description) ?? [])
        #expect(texts.count == 4)
        for text in texts {
            #expect(text.contains("no 2026-10-01 error: all is well \u{FFFD}[2J\u{FFFD}31m"), "\(text)")
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(text)")
        }
    }
}
