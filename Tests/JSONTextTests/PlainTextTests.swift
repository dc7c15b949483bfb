import JSONText
import Testing

@Suite struct PlainTextTests {
    @Test func whatATerminalObeysBecomesHarmless() {
        let escape = "red \u{1B}[31m, title \u{9D}0;x\u{9C}, back \u{8}\u{7F}"
        #expect(PlainText.line(escape) == "red \u{FFFD}[31m, title \u{FFFD}0;x\u{FFFD}, back \u{FFFD}\u{FFFD}")
        #expect(PlainText.lines(escape) == PlainText.line(escape))
        #expect(PlainText.line("user\u{202E}nimda\u{200B}") == "user\u{FFFD}nimda\u{FFFD}")
    }

    @Test func aLineStaysOne() {
        #expect(PlainText.line("a\nb\r\nc\td\u{2028}e\u{85}f") == "a b  c d e f")
        #expect(PlainText.lines("a\n\tb\rc\u{2029}d\n") == "a\n\tb\u{FFFD}c\u{FFFD}d\n")
    }

    @Test func whatCanBeSeenStays() {
        let text = "København, Łódź, Ελλάδα, 電力 — 3 µJ 🔋"
        #expect(PlainText.line(text) == text)
        #expect(PlainText.lines(text) == text)
    }
}
