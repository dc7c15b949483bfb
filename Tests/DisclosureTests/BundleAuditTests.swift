import Batches
import ClusterSimulation
import Energy
import JSONText
import SeededRandom
import Testing
import TransparencyLog

@testable import Disclosure

@Suite struct BundleAuditTests {
    private func audit(_ files: [String: [UInt8]], policy: [UInt8]) async throws -> AuditReport {
        try await BundleAudit(source: BundleSource(files: files), policy: policy, workers: 2).run()
    }

    @Test func anHonestBundleIsVerified() async throws {
        var log = try exampleLog(seed: 21)
        for _ in 0..<300 { try log.batch("n3") }
        let files = try log.bundle(examplePeriod)
        #expect(files.keys.contains("tile/entries/000"))
        #expect(files.keys.contains("samples/001.p/\(log.size - 256)"))
        let report = try await audit(files, policy: log.policy)
        #expect(report.failure == nil)
        #expect(report.verdict == "verified")
        #expect(report.claimed.contains { $0.contains("operator alone") })
        // Whoever is handed the bundle of another period sees it.
        let period = "\(TimeText.rfc3339(examplePeriod.start)) to \(TimeText.rfc3339(examplePeriod.end))"
        #expect(report.proved.contains { $0.contains("is about \(period)") }, "\(report.text)")
        #expect(report.counts.first { $0.name == "entries" }?.value == Int64(log.size))
    }

    @Test func theSameEvidenceGivesTheSameBytes() throws {
        var first = try exampleLog(seed: 22)
        var second = try exampleLog(seed: 22)
        #expect(try first.bundle(examplePeriod) == second.bundle(examplePeriod))
    }

    /// Every bit of small files, and bits spread over large ones: nothing of a bundle can change unnoticed.
    @Test func anyFlippedBitIsRefused() async throws {
        var log = try SyntheticLog(seed: 23)
        try log.enrol("n1")
        let record = log.record("1")
        try log.job(record, .start, start: log.now, expected: 1, nodes: ["n1"])
        for _ in 0..<3 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        let files = try log.bundle(examplePeriod)
        #expect(try await audit(files, policy: log.policy).failure == nil)
        var random = SeededRandom(seed: 23)
        for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let bits = bytes.count * 8
            let sampled = bits <= 160 ? Array(0..<bits) : (0..<160).map { _ in Int(random.next() % UInt64(bits)) }
            for bit in sampled {
                var changed = files
                changed[path]?[bit / 8] ^= 1 << UInt8(bit % 8)
                let failure = try await audit(changed, policy: log.policy).failure
                let text = failure.map(\.description) ?? ""
                #expect(failure != nil, "\(path), bit \(bit)")
                #expect(text.contains(path) || text.contains("entry"), "\(path), bit \(bit): \(text)")
            }
        }
    }

    @Test func filesThatNobodyListedOrThatAreGoneAreRefused() async throws {
        var log = try exampleLog(seed: 24)
        let files = try log.bundle(examplePeriod)
        for path in files.keys {
            var less = files
            less[path] = nil
            let failure = try #require(try await audit(less, policy: log.policy).failure)
            #expect(failure.failureClass == .file && failure.place == path, "\(failure)")
            guard ![BundleManifest.path, "checkpoint"].contains(path) else { continue }
            less[path] = []
            let emptied = try #require(try await audit(less, policy: log.policy).failure)
            #expect(emptied.failureClass == .file && emptied.place == path, "\(emptied)")
        }
        for path in ["README", "tile/entries/001", "records/x.txt"] {
            var more = files
            more[path] = [1]
            let failure = try #require(try await audit(more, policy: log.policy).failure)
            #expect(failure.failureClass == .file && failure.place == path, "\(failure)")
        }
    }

    /// The operator holds the administration key and can sign any manifest; the log still says what it said.
    @Test(arguments: [
        "a figure", "an entry left out", "an entry moved", "a record of another", "a sample block", "an unknown file",
        "another policy's log",
    ])
    func theOperatorCannotResign(_ cheat: String) async throws {
        var log = try exampleLog(seed: 25)
        var files = try log.bundle(examplePeriod)
        var policy = log.policy
        let expected: ReplayFailure.Class
        switch cheat {
        case "a figure":
            let text = String(decoding: files["disclosure.json"] ?? [], as: UTF8.self)
            files["disclosure.json"] = Array(text.replacing("\"idle_uj\": \"0\"", with: "\"idle_uj\": \"1\"").utf8)
            expected = .report
        case "an entry left out", "an entry moved":
            var entries = log.entries
            if cheat == "an entry moved" { entries.swapAt(9, 10) } else { entries[9] = entries[10] }
            files["tile/entries/000.p/\(log.size)"] = try EntryBundle.encode(entries)
            expected = .range
        case "a record of another":
            let stranger = log.record("stranger")
            files["records/\(stranger.pseudonym)/\(MerkleHash.sha256(of: stranger.bytes).hexadecimal).txt"] =
                stranger.bytes
            expected = .record
        case "a sample block":
            let path = "samples/000.p/\(log.size)"
            var blocks = try #require(SampleBundle.decode(files[path] ?? [], count: Int(log.size)))
            let index = try #require(blocks.firstIndex { $0 != nil })
            blocks[index]?[5] ^= 1
            files[path] = SampleBundle.encode(blocks)
            expected = .samples
        case "an unknown file":
            files["notes.txt"] = [1]
            expected = .file
        default:
            policy = try SyntheticLog(seed: 99).policy
            expected = .checkpoint
        }
        let failure = try #require(try await audit(resigned(files, log), policy: policy).failure)
        #expect(failure.failureClass == expected, "\(failure)")
        // A root alone says that something is wrong, and not where.
        if cheat == "an entry left out" {
            #expect(failure.place == "entry 9" && failure.what.contains("(entry 9: "), "\(failure)")
        }
    }

    /// Behind the newest anchor an entry that is signed anew contradicts nothing but the root.
    @Test func aChangeThatNoEntryContradictsIsPlacedBehindTheNewestAnchor() async throws {
        var log = try exampleLog(seed: 25)
        let (origin, now, anchored) = (log.origin, log.now, log.size)
        func setting(_ value: String) -> SetEntry {
            SetEntry(
                log: origin, time: now, field: "site.pue", subject: "north", value: Array(value.utf8),
                effectiveFrom: nil, effectiveUntil: nil, by: "operator", reason: nil,
                salt: Array(repeating: 3, count: 16))
        }
        let index = try log.append(.set(setting("1.2")), by: log.administration)
        var files = try log.bundle(examplePeriod)
        var entries = log.entries
        entries[Int(index)] = try log.administration.sign(setting("1.1").text).bytes
        files["tile/entries/000.p/\(log.size)"] = try EntryBundle.encode(entries)
        let failure = try #require(try await audit(resigned(files, log), policy: log.policy).failure)
        #expect(failure.failureClass == .range, "\(failure)")
        let place = try #require(UInt64(failure.place.dropFirst("entry ".count)), "\(failure)")
        #expect(place > 0 && place <= anchored, "\(failure)")
    }

    private func resigned(_ files: [String: [UInt8]], _ log: SyntheticLog) throws -> [String: [UInt8]] {
        var files = files
        files[BundleManifest.path] = nil
        let manifest = BundleManifest(
            origin: log.origin, period: examplePeriod, audience: .assurer, size: log.size,
            files: files.map { BundleManifest.File(path: $0.key, bytes: $0.value) })
        files[BundleManifest.path] = try manifest.signed(by: log.administration)
        return files
    }

    @Test func erasedRecordsLeaveAPartialAudit() async throws {
        var log = try exampleLog(seed: 26)
        let job = try #require(log.records.keys.min())
        log.erase(job)
        let report = try await audit(try log.bundle(examplePeriod), policy: log.policy)
        #expect(report.failure == nil)
        #expect(report.isPartial)
        // An operator who has changed a name says that it is erased: it is said whose.
        #expect(report.notCovered.contains { $0.contains("erased") && $0.contains(job) }, "\(report.text)")
        #expect(report.verdict == "verified in part")
    }

    /// What was issued earlier is made again from as much of the log as there was, and held to the digest in the log.
    @Test func issuedReportsAreMadeAgain() async throws {
        var log = try exampleLog(seed: 29)
        let early = Disclosure(try log.disclosureInput(examplePeriod, audience: .public))
        let size = log.size
        try log.report(number: 1, period: examplePeriod, audience: .public, size: size, sha256: early.sha256)
        try log.report(number: 2, period: examplePeriod, audience: .authority, size: size, sha256: .leaf(of: [1]))
        let other = UTCInterval(start: UTCTime(hour: 1), end: UTCTime(hour: 2))
        try log.report(number: 3, period: other, size: size, sha256: .leaf(of: [1]))
        try log.batch("n3")
        let report = try await audit(try log.bundle(examplePeriod), policy: log.policy)
        #expect(report.failure == nil)
        #expect(report.proved.contains { $0.contains("report 1 for public") })
        #expect(report.notCovered.contains { $0.contains("report 2 for authority") })
        #expect(report.notCovered.contains { $0.contains("report 3") && $0.contains("another period") })
    }

    @Test func aMissingQuorumIsRefused() async throws {
        var log = try exampleLog(seed: 27)
        let files = try log.bundle(examplePeriod)
        let witness = try CosigningKey(name: "witness.example", seed: Array(repeating: 4, count: 32))
        let policy = Array("log \(log.log.verifier.text)\nwitness w \(witness.verifier.text)\nquorum w\n".utf8)
        let failure = try #require(try await audit(files, policy: policy).failure)
        #expect(failure.failureClass == .checkpoint)
    }
}

@Suite struct BundleCodecTests {
    @Test func archivesGiveBackTheirFilesInAnyPieces() throws {
        var log = try exampleLog(seed: 28)
        let files = try log.bundle(examplePeriod).map { BundleFile(path: $0.key, bytes: $0.value) }.sorted {
            $0.path < $1.path
        }
        var archive: [UInt8] = []
        for file in files { archive += try #require(TarArchive.member(file)) }
        archive += TarArchive.end
        for size in [1, 511, 512, 5000, archive.count] {
            var reader = TarReader()
            var read: [BundleFile] = []
            var position = 0
            while position < archive.count {
                read += try reader.feed(archive[position..<min(archive.count, position + size)])
                position += size
            }
            try reader.finish()
            #expect(read == files)
        }
        var cut = TarReader()
        _ = try cut.feed(archive.dropLast(1024))
        #expect(throws: TarReader.Failure.self) { try cut.finish() }
    }

    @Test(arguments: ["../etc/passwd", "/abs", "a//b", "a/", ".hidden", "a/../b", "", "a b"])
    func pathsStayInside(_ path: String) {
        #expect(!BundleManifest.isWellFormed(path: path))
    }

    @Test func longPathsAreSplit() throws {
        let path = "records/" + String(repeating: "a", count: 26) + "/" + String(repeating: "b", count: 64) + ".txt"
        let member = try #require(TarArchive.member(BundleFile(path: path, bytes: [1])))
        var reader = TarReader()
        #expect(try reader.feed(member + TarArchive.end).map(\.path) == [path])
    }

    @Test func everyPathOfABundleHasOneMeaning() throws {
        for path in [
            "checkpoint", "policy.txt", "disclosure.json", "tile/entries/x001/234.p/3", "samples/000", "factors/ab",
        ] {
            #expect(BundlePath(path)?.path == path)
        }
        for path in ["tile/0/000", "samples/1", "MANIFEST", "records/a", "factors/a/b", "tile/entries/000.p/256"] {
            #expect(BundlePath(path) == nil)
        }
    }
}
