import Batches
import ClusterSimulation
import Disclosure
import Energy
import Testing
import TransparencyLog

/// `wattest-audit show` prints what lies there, whatever kind of entry it is.
@Suite struct ShowTests {
    /// The golden notes of the page about entries.
    private func goldenNotes() throws -> [[UInt8]] {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try AuditProcess.read("/\(root)/proto/batch.md")
        var notes: [[UInt8]] = []
        var open: [Substring]?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```note" {
                open = []
            } else if line == "```", let lines = open {
                notes.append(Array(lines.map { $0 + "\n" }.joined().utf8))
                open = nil
            } else {
                open?.append(line)
            }
        }
        return notes.filter { Entry.Kind(text: $0) != nil }
    }

    @Test func everyKindOfEntryIsPrintedAsItWasSigned() throws {
        let notes = try goldenNotes()
        #expect(Set(notes.compactMap { Entry.Kind(text: $0) }) == Set(Entry.Kind.allCases))
        try AuditProcess.withDirectory { directory in
            try AuditProcess.write(EntryBundle.encode(notes), to: "\(directory)/entries")
            for (index, note) in notes.enumerated() {
                let shown = try AuditProcess.run(["show", "\(directory)/entries", "\(index)"], in: directory)
                #expect(shown.status == 0 && Array(shown.text.utf8) == note, "\(index): \(shown.errors)")
                try AuditProcess.write(note, to: "\(directory)/note")
                #expect(Array(try AuditProcess.run(["show", "\(directory)/note"], in: directory).text.utf8) == note)
            }
            #expect(
                try AuditProcess.run(["show", "\(directory)/entries", "\(notes.count)"], in: directory).status == 1)
        }
    }

    @Test func whatIsWithheldIsNamed() throws {
        var log = try SyntheticLog(seed: 41)
        try log.enrol("n1")
        let record = log.record("1")
        for _ in 0..<3 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        let period = UTCInterval(start: UTCTime(hour: 490_900), end: UTCTime(hour: 490_901))
        let files = try log.bundle(period, audience: .public, withholding: Withholding(otherTimes: period))
        try AuditProcess.withDirectory { directory in
            try AuditProcess.write(files, to: "\(directory)/bundle")
            let shown = try AuditProcess.run(["show", "\(directory)/bundle", "1"], in: directory)
            #expect(Array(shown.text.utf8) == log.entries[1], "\(shown.errors)")
            let withheld = try AuditProcess.run(["show", "\(directory)/bundle", "2"], in: directory)
            #expect(withheld.status == 1)
            #expect(withheld.errors.contains(MerkleHash.leaf(of: log.entries[2]).base64), "\(withheld.errors)")
        }
    }
}
