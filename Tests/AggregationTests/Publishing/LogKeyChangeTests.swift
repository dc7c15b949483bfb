import Aggregation
import Batches
import Energy
import Synchronization
import Testing
import TransparencyLog

/// A host that dies at each step of changing its log's key: whatever it signs afterwards is by the key that the tree
/// itself names.
@Suite struct LogKeyChangeTests {
    struct Crash: Error {}

    private static let origin = "test.example/org/a"

    /// The log as entries, so that a start can read which key it names.
    private final class Entries: Sendable {
        let notes = Mutex<[[UInt8]]>([])
        let store = LeafStore()

        func append(_ note: [UInt8]) -> Int64 {
            store.state.withLock { $0.leaves.append(MerkleHash.leaf(of: note)) }
            return notes.withLock { notes in
                notes.append(note)
                return Int64(notes.count) - 1
            }
        }

        func signers() throws -> SignerRegister {
            let notes = notes.withLock { $0 }
            let genesis = try GenesisEntry(text: Array(SignedNote(parsing: notes[0]).text))
            var signers = try SignerRegister(genesis: genesis)
            for (index, bytes) in notes.enumerated() {
                guard case .logKey(let entry) = try Entry(text: Array(SignedNote(parsing: bytes).text)) else {
                    continue
                }
                #expect(signers.apply(entry, at: Int64(index)) == nil)
            }
            return signers
        }
    }

    private func publisher(_ keys: LogKeys, _ entries: Entries, _ directory: String) async throws -> LogPublisher {
        try await LogPublisher(
            signer: CheckpointSigner(
                origin: Self.origin, key: keys.log, selfWitness: keys.selfWitness, path: "\(directory)/signer"),
            log: entries.store.log, directory: directory, now: { LeafStore.time })
    }

    private func order(_ seed: UInt8) -> LogKeyChange.Order {
        LogKeyChange.Order(
            by: "operator", reason: "r", time: LeafStore.time, salt: Array(repeating: seed, count: 16),
            seed: Array(repeating: seed, count: 32))
    }

    @Test(arguments: LogKeyChange.Step.allCases.map { $0 as LogKeyChange.Step? } + [nil])
    func everyTreeIsSignedByTheKeyThatItNames(_ step: LogKeyChange.Step?) async throws {
        let place = PublisherDirectory()
        let directory = place.path
        let counter = Mutex<UInt8>(0)
        let keys = try LogKeys(origin: Self.origin) { count in
            Array(
                repeating: counter.withLock {
                    $0 += 1
                    return $0
                }, count: count)
        }
        try keys.write(to: directory)
        try CheckpointSigner.create(origin: Self.origin, path: "\(directory)/signer")
        let entries = Entries()
        _ = entries.append(
            try keys.genesis(slug: "a", organization: "A", time: LeafStore.time, salt: Array(repeating: 1, count: 16)))
        let first = try await publisher(keys, entries, directory)
        try await first.publish()
        let change = LogKeyChange(
            directory: directory, publisher: first, append: { entries.append($0) },
            crash: { if $0 == step { throw Crash() } })
        do {
            _ = try await change.run(keys, order(50))
            #expect(step == nil)
        } catch is Crash {}
        // The old process, if it lives on, signs no tree that holds the entry with the old key.
        if let late = try? await first.publish() { try expectDue(late, entries) }
        // A new start.
        let settled = try LogKeys.settled(directory: directory, logKey: entries.signers().logKey)
        #expect(try settled.log.verifier == entries.signers().logKey)
        let second = try await publisher(settled, entries, directory)
        try expectDue(try await second.publish(), entries)
        // Once more, to the end: what an attempt had prepared is taken up.
        let again = try await LogKeyChange(directory: directory, publisher: second, append: { entries.append($0) })
            .run(settled, order(60))
        try expectDue(try await second.publish(), entries)
        #expect(again.keys.log.verifier == (try entries.signers().logKey))
        #expect(try LogKeys(directory: directory).log.verifier == again.keys.log.verifier)
        #expect(try entries.signers().logKeys.count == (step == .prepared ? 2 : 3))
    }

    private func expectDue(_ checkpoint: SignedCheckpoint, _ entries: Entries) throws {
        let due = try entries.signers().logKey(at: checkpoint.checkpoint.size)
        #expect(throws: Never.self) { try checkpoint.verify(origin: Self.origin, log: due) }
    }

    @Test func anotherKeyThanTheLogsIsNoKey() throws {
        let place = PublisherDirectory()
        let keys = try LogKeys(origin: Self.origin) { Array(repeating: 3, count: $0) }
        try keys.write(to: place.path)
        let other = try SigningKey(name: Self.origin, seed: Array(repeating: 9, count: 32))
        #expect(throws: (any Error).self) {
            try LogKeys.settled(directory: place.path, logKey: other.verifier)
        }
    }
}
