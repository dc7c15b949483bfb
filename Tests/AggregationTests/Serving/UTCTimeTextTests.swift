import Aggregation
import Energy
import Testing

@Suite struct UTCTimeTextTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2024-05-17T05:00:00Z", 1_715_922_000_000_000),
        ("2024-05-17T05:00Z", 1_715_922_000_000_000), ("2024-02-29T23:59:59.123456Z", 1_709_251_199_123_456),
        ("2024-05-17 05:00:00.5Z", 1_715_922_000_500_000),
    ])
    func readsWhatPeopleWrite(text: String, microseconds: Int64) {
        #expect(UTCTimeText.parse(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "Z", "2024-05-17T05:00:00", "2024-05-17T05:00:00+02:00", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
        "2024-05-17T24:00:00Z", "2024-05-17T05:60:00Z", "2024-05-17T05:00:61Z", "2024-05-17T05:00:00.Z",
        "2024-05-17T05:00:00.1234567890Z", "99999-05-17T05:00:00Z", "2024-05-17T05:00:000Z", "-024-05-17T05:00:00Z",
    ])
    func refusesWhatIsNoTime(text: String) {
        #expect(UTCTimeText.parse(text) == nil)
    }
}

@Suite struct LogNamingTests {
    @Test func slugsAreMadeOfNames() {
        #expect(LogNaming.slug(of: "Acme AI, Inc.") == "acme-ai-inc")
        #expect(LogNaming.slug(of: "--- ") == nil)
        #expect(LogNaming.slug(of: String(repeating: "ab ", count: 40))?.utf8.count ?? 99 <= 40)
        for slug in ["a", "0", "-", String(repeating: "z", count: 40)] { #expect(LogNaming.isSlug(slug)) }
        for text in ["", "A", "ä", "a b", "a/b", "..", String(repeating: "z", count: 41)] {
            #expect(!LogNaming.isSlug(text))
        }
        #expect(LogNaming.origin(host: "Log.Example", slug: "a") == "log.example/org/a")
    }
}
