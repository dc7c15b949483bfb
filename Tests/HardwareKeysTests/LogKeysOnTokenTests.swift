import Aggregation
import Batches
import Energy
import Foundation
import HardwareKeys
import Synchronization
import Testing
import TransparencyLog

/// A log whose keys lie on a token: the same files, the same signer, no secret on the disk.
@Suite(.enabled(if: SoftToken.isInstalled, "SoftHSM is not installed")) struct LogKeysOnTokenTests {
    private static let origin = "test.example/org/token"
    private let token: SoftToken
    private let directory: String

    init() throws {
        token = try #require(SoftToken.shared)
        directory = "\(token.directory)/log-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func tokens() throws -> LogKeys.Tokens {
        LogKeys.Tokens(
            log: try TokenURI(parsing: token.uri()),
            administration: try TokenURI(parsing: token.uri("token=wattest;object=administration")))
    }

    /// Leaves in memory, as the publisher sees a database.
    private final class Leaves: Sendable {
        let all = Mutex<[MerkleHash]>([])

        var log: LogPublisher.Log {
            LogPublisher.Log(
                size: { [self] in Int64(all.withLock { $0.count }) },
                leaves: { [self] range in all.withLock { Array($0[Int(range.lowerBound)..<Int(range.upperBound)]) } },
                storeCheckpoint: { _, _, _ in }, storedCheckpoint: { nil })
        }

        func append(_ note: [UInt8]) -> Int64 {
            all.withLock { leaves in
                leaves.append(MerkleHash.leaf(of: note))
                return Int64(leaves.count) - 1
            }
        }
    }

    private func publisher(_ keys: LogKeys, _ leaves: Leaves) async throws -> LogPublisher {
        try await LogPublisher(
            signer: CheckpointSigner(
                origin: Self.origin, key: keys.log, selfWitness: keys.selfWitness, path: "\(directory)/signer"),
            log: leaves.log, directory: directory, now: { UTCTime(hour: 490_896) })
    }

    private func random(_ seed: UInt8) -> (Int) -> [UInt8] { { Array(repeating: seed &+ UInt8($0), count: $0) } }

    private func genesis(_ keys: LogKeys) throws -> [UInt8] {
        try keys.genesis(
            slug: "token", organization: "T", time: UTCTime(hour: 490_896), salt: Array(repeating: 1, count: 16))
    }

    @Test func theDirectoryHoldsNoSecretOfTheirs() throws {
        let keys = try LogKeys(origin: Self.origin, tokens: tokens(), random: random(7))
        try keys.write(to: directory)
        for name in ["log.key", "administration.key"] {
            let text = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
            #expect(text.hasPrefix("PKCS11+KEY+\(Self.origin)"))
            #expect(!text.contains("PRIVATE+KEY") && !text.contains("1234"))
        }
        let again = try LogKeys(directory: directory)
        #expect(again.log.verifier == keys.log.verifier)
        #expect(again.administration.verifier == keys.administration.verifier)
        let note = try SignedNote(parsing: try genesis(again))
        #expect(again.administration.verifier.isValidSignature(note.signatures[0], for: note.text))
    }

    @Test func checkpointsAreSignedAndASecondHistoryIsNot() async throws {
        let keys = try LogKeys(origin: Self.origin, tokens: tokens(), random: random(8))
        try keys.write(to: directory)
        try CheckpointSigner.create(origin: Self.origin, path: "\(directory)/signer")
        let leaves = Leaves()
        _ = leaves.append(try genesis(keys))
        let first = try await publisher(keys, leaves)
        let checkpoint = try await first.publish()
        #expect(try checkpoint.verify(origin: Self.origin, log: keys.log.verifier).head.size == 1)
        _ = leaves.append([2])
        let second = try await publisher(LogKeys(directory: directory), leaves)
        #expect(try await second.publish().checkpoint.size == 2)
        // The database comes back from a backup and grows another way.
        leaves.all.withLock { $0 = [$0[0], .leaf(of: [3])] }
        await #expect(throws: PublishingError.self) { try await second.publish() }
        await #expect(throws: PublishingError.self) { try await publisher(LogKeys(directory: directory), leaves) }
    }

    @Test func aLogMovesFromAFileToAToken() async throws {
        let keys = try LogKeys(origin: Self.origin, random: random(9))
        try keys.write(to: directory)
        try CheckpointSigner.create(origin: Self.origin, path: "\(directory)/signer")
        let leaves = Leaves()
        _ = leaves.append(try genesis(keys))
        let publisher = try await publisher(keys, leaves)
        try await publisher.publish()
        let key = try TokenKey(TokenURI(parsing: token.uri())).signingKey(name: Self.origin)
        let change = LogKeyChange(directory: directory, publisher: publisher, append: { leaves.append($0) })
        let changed = try await change.run(
            keys,
            LogKeyChange.Order(
                by: "operator", reason: "a token", time: UTCTime(hour: 490_897), salt: Array(repeating: 1, count: 16),
                seed: Array(repeating: 1, count: 32), key: key))
        let checkpoint = try await publisher.publish()
        #expect(try checkpoint.verify(origin: Self.origin, log: key.verifier).head.size == 2)
        #expect(try LogKeys.settled(directory: directory, logKey: key.verifier).log.verifier == key.verifier)
        let text = try String(contentsOfFile: "\(directory)/log.key", encoding: .utf8)
        #expect(text.hasPrefix("PKCS11+KEY+"))
        #expect(changed.index == 1)
    }
}
