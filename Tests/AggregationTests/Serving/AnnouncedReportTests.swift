import Batches
import Disclosure
import Energy
import JSONText
import Store
import Testing
import TransparencyLog

@testable import Aggregation

@Suite struct AnnouncedReportTests {
    private let key: SigningKey
    private let disclosure: JSONValue = [
        "schema": "s", "energy": ["it_uj": "12"], "jobs": [["key": "a\n  },\n"], ["key": "  \"disclosure\": {"]],
        "none": .array([]),
    ]

    init() throws { key = try SigningKey(name: "log.example/admin", seed: Array(repeating: 3, count: 32)) }

    private var entry: ReportEntry {
        ReportEntry(
            log: "log.example", time: UTCTime(seconds: 1_790_000_000), number: 7,
            period: UTCInterval(start: UTCTime(hour: 1), end: UTCTime(hour: 2)), audience: "assurer", size: 9,
            sha256: MerkleHash.sha256(of: disclosure.rendered(.pretty)).bytes, supersedes: 6, reason: "late",
            salt: Array(repeating: 0, count: 16))
    }

    private func document(_ note: [UInt8]) -> [(String, JSONValue)] {
        [
            ("number", 7), ("issued_at", .string(TimeText.rfc3339(entry.time))), ("supersedes", 6),
            ("reason", "late"), ("effect", "it_uj from 11 to 12"), ("index", "9"), ("disclosure", disclosure),
            ("signatures", .array([.string(String(decoding: note, as: UTF8.self))])),
        ]
    }

    private func report(_ members: [(String, JSONValue)], number: Int32 = 7) -> StoredReport {
        var object = JSONObject()
        for (name, value) in members { object.append(name, value) }
        return StoredReport(
            number: number, index: 9, issued: Timestamp(microseconds: 0), hours: 1..<2, audience: "assurer",
            supersedes: 6, body: JSONValue.object(object).rendered(.pretty))
    }

    @Test func onlyWhatTheEntryAnnouncesIs() throws {
        let note = try key.sign(entry.text).bytes
        let honest = document(note)
        #expect(report(honest).isAnnounced(by: note, of: key.verifier))
        // The effect is made from another report, and free.
        var other = honest
        other[4].1 = .null
        #expect(report(other).isAnnounced(by: note, of: key.verifier))
        for place in honest.indices where place != 4 {
            var altered = honest
            altered[place].1 = place == 6 ? disclosure["energy"] ?? .null : .string("other")
            #expect(!report(altered).isAnnounced(by: note, of: key.verifier), "\(honest[place].0)")
            altered.remove(at: place)
            #expect(!report(altered).isAnnounced(by: note, of: key.verifier), "without \(honest[place].0)")
        }
        #expect(!report(honest + [("comment", .string("all is well"))]).isAnnounced(by: note, of: key.verifier))
        #expect(!report(honest, number: 8).isAnnounced(by: note, of: key.verifier))
        let thief = try SigningKey(name: key.verifier.name, seed: Array(repeating: 4, count: 32))
        #expect(!report(honest).isAnnounced(by: try thief.sign(entry.text).bytes, of: key.verifier))
    }

    /// A second member of the name, or another spelling, would be read by some and not by others.
    @Test func aDocumentHasOneSpelling() throws {
        let note = try key.sign(entry.text).bytes
        let honest = report(document(note))
        let text = String(decoding: honest.body, as: UTF8.self)
        func isAnnounced(_ text: String) -> Bool {
            var altered = honest
            altered.body = Array(text.utf8)
            return altered.isAnnounced(by: note, of: key.verifier)
        }
        #expect(isAnnounced(text))
        let spellings = [
            ("  \"signatures\"", "  \"disclosure\": {\n    \"schema\": \"t\"\n  },\n  \"signatures\""),
            ("  \"signatures\"", "  \"disclosure\": null,\n  \"signatures\""),
            ("\"number\": 7", "\"number\":  7"), ("\"it_uj\": \"12\"", "\"it_uj\": \"13\""), ("\n", ""),
            ("\n}\n", "\n}"),
        ]
        for (old, new) in spellings { #expect(!isAnnounced(text.replacing(old, with: new)), "\(new)") }
    }
}
