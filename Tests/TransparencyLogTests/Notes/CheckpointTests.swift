import Testing
import TransparencyLog

@Suite struct CheckpointTests {
    private let log: SigningKey
    private let witness: CosigningKey
    private let root = MerkleHash.leaf(of: [1])

    init() throws {
        log = try SigningKey(name: "log.example/a", seed: [UInt8](repeating: 1, count: 32))
        witness = try CosigningKey(name: "witness.example", seed: [UInt8](repeating: 2, count: 32))
    }

    private func parse(_ text: String) throws -> Checkpoint { try Checkpoint(parsing: Array(text.utf8)[...]) }

    @Test func textsHaveOneSpelling() throws {
        let good = "log.example/a\n7\n\(root)\n"
        #expect(try parse(good).text == Array(good.utf8))
        #expect(try parse(good + "more\nlines\n").extensionLines == ["more", "lines"])
        let short = Base64.encode([UInt8](repeating: 1, count: 31))
        let long = Base64.encode([UInt8](repeating: 1, count: 33))
        for text in [
            "", "log.example/a\n", "log.example/a\n7\n", "log.example/a\n7\n\(root)", "\n7\n\(root)\n",
            "log.example/a\n+5\n\(root)\n", "log.example/a\n05\n\(root)\n", "log.example/a\n-0\n\(root)\n",
            "log.example/a\n 5\n\(root)\n", "log.example/a\n5 \n\(root)\n", "log.example/a\n\n\(root)\n",
            "log.example/a\n18446744073709551616\n\(root)\n", "log.example/a\n5\n\(short)\n",
            "log.example/a\n5\n\(long)\n",
            "log.example/a\n5\n\n", "log.example/a\n5\n \(root)\n", "log.example/a\n5\n\(root)=\n",
            "log.example/a\r\n5\r\n\(root)\r\n", "log.example/a\n5\n\(root)\n\n", "log.example/a\n5\n\(root)\nmore\n\n",
            "log.example/a\n5\n\(root)\nmore", "log\u{0}\n5\n\(root)\n",
        ] {
            expectRefusal(.badCheckpoint, "\(text)") { try parse(text) }
        }
    }

    @Test func onlyTheRightLogOpensIt() throws {
        let checkpoint = try Checkpoint(origin: "log.example/a", size: 7, root: root)
        let signed = try SignedCheckpoint(checkpoint, signedBy: log)
        #expect(try signed.verify(origin: "log.example/a", log: log.verifier).head == TreeHead(size: 7, root: root))
        expectRefusal(.badCheckpoint) { try signed.verify(origin: "log.example/b", log: log.verifier) }
        let stranger = try SigningKey(name: "log.example/a", seed: [UInt8](repeating: 9, count: 32)).verifier
        expectRefusal(.unsigned) { try signed.verify(origin: "log.example/a", log: stranger) }
        // A witness alone does not make a checkpoint.
        let cosignature = try witness.cosignature(of: checkpoint, time: 5)
        let witnessed = try SignedCheckpoint(note: SignedNote(text: checkpoint.text, signatures: [cosignature]))
        expectRefusal(.unsigned) {
            try witnessed.verify(origin: "log.example/a", log: log.verifier, witnesses: [witness.verifier])
        }
    }

    @Test func anEmptyLogHasTheEmptyRoot() throws {
        let wrong = try SignedCheckpoint(Checkpoint(origin: "log.example/a", size: 0, root: root), signedBy: log)
        expectRefusal(.badCheckpoint) { try wrong.verify(origin: "log.example/a", log: log.verifier) }
        let right = try SignedCheckpoint(Checkpoint(origin: "log.example/a", head: .empty), signedBy: log)
        #expect(try right.verify(origin: "log.example/a", log: log.verifier).head == .empty)
    }

    @Test func cosignaturesCarryTheirTime() throws {
        let checkpoint = try Checkpoint(origin: "log.example/a", size: 7, root: root)
        let signed = try SignedCheckpoint(checkpoint, signedBy: log)
            .adding([witness.cosignature(of: checkpoint, time: 1_700_000_000)])
        let verified = try signed.verify(origin: "log.example/a", log: log.verifier, witnesses: [witness.verifier])
        #expect(verified.cosignatures.map(\.time) == [1_700_000_000])
        #expect(try SignedCheckpoint(parsing: signed.bytes) == signed)
        for time in [UInt64(0), 1 << 63, .max] {
            expectRefusal(.badSignature) { try witness.cosignature(of: checkpoint, time: time) }
        }
    }

    /// Every bit of a cosigned checkpoint: the text, both names, both IDs, both signatures, the time.
    @Test func everyFlippedBitOfACosignedCheckpointIsNoticed() throws {
        let checkpoint = try Checkpoint(origin: "log.example/a", size: 7, root: root)
        let bytes = try SignedCheckpoint(checkpoint, signedBy: log)
            .adding([witness.cosignature(of: checkpoint, time: 1_700_000_000)]).bytes
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                let verified = try? SignedCheckpoint(parsing: changed)
                    .verify(origin: "log.example/a", log: log.verifier, witnesses: [witness.verifier])
                #expect(verified?.cosignatures.isEmpty ?? true, "byte \(position), bit \(bit)")
                #expect(verified.map { $0.checkpoint == checkpoint } ?? true)
            }
        }
    }
}
