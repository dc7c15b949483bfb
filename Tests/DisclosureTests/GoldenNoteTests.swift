import Batches
import ClusterSimulation
import Disclosure
import Energy
import Testing
import TransparencyLog

/// The page that tells others how to read and write entries is held to the code that does.
@Suite struct GoldenNoteTests {
    /// The fenced blocks of one language, in the order of the page.
    private func blocks(_ language: String) throws -> [[UInt8]] {
        let page = String(decoding: try ContractFile.bytes("batch.md"), as: UTF8.self)
        var blocks: [[UInt8]] = []
        var open: [Substring]?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```\(language)" {
                open = []
            } else if line == "```", let lines = open {
                blocks.append(Array(lines.map { $0 + "\n" }.joined().utf8))
                open = nil
            } else {
                open?.append(line)
            }
        }
        return blocks
    }

    private func entries() throws -> [[UInt8]] {
        try blocks("note").filter { !$0.starts(with: BundleManifest.version.utf8) }
    }

    @Test func everyKindHasAGoldenNoteThatReadsAndWritesTheSame() throws {
        let entries = try entries()
        var kinds: Set<Entry.Kind> = []
        for bytes in entries {
            let note = try SignedNote(parsing: bytes)
            #expect(note.signatures.count == 1)
            let entry = try Entry(text: Array(note.text))
            #expect(entry.text == Array(note.text))
            kinds.insert(entry.kind)
        }
        #expect(kinds == Set(Entry.Kind.allCases))
    }

    @Test func theGoldenNotesAreALogThatReplays() throws {
        let entries = try entries()
        let replay = try SyntheticLog.replay(entries, origin: "log.example/acme")
        #expect(replay.counts.total == Int64(entries.count))
    }

    @Test func theGoldenRecordIsTheOneThatTheJobCommitsTo() throws {
        let record = try JobRecord(text: try #require(try blocks("record").first))
        let job = try #require(
            try entries().compactMap { bytes -> JobEntry? in
                guard case .job(let job) = try Entry(text: Array(SignedNote(parsing: bytes).text)) else { return nil }
                return job
            }.first)
        #expect(record.pseudonym == job.job)
        #expect(record.sha256 == job.recordSHA256)
    }

    @Test func theGoldenManifestIsSigned() throws {
        let manifest = try #require(try blocks("note").last)
        let genesis = try GenesisEntry(text: Array(SignedNote(parsing: try #require(try entries().first)).text))
        let signed = try SignedManifest(parsing: manifest)
        try signed.verify(with: VerifierKey(parsing: genesis.administrationKey))
        #expect(signed.manifest.files.contains { $0.path == "disclosure.json" })
    }

    /// Every keyword of the notes stands in the grammar, and every line kind of the grammar in some note or as an
    /// option.
    @Test func theGrammarNamesEveryLineOfTheNotes() throws {
        let grammar = String(decoding: try blocks("abnf").flatMap(\.self), as: UTF8.self)
        for bytes in try blocks("note") + blocks("record") {
            let text = String(decoding: bytes, as: UTF8.self)
            for line in text.split(separator: "\n") where !line.hasPrefix("—") {
                let keyword = line.prefix { $0 != " " }
                #expect(grammar.contains("%s\"\(keyword)\""), "\(keyword)")
            }
        }
    }
}
