import Batches
import Energy
import NodeAgent
import Testing
import TransparencyLog

/// Nodes that pinned a log's key and hear of another one.
@Suite struct LogKeyMemoryTests {
    private let origin = "log.example/a"
    private let keys: [SigningKey]

    init() throws {
        keys = try (1...3).map { try SigningKey(name: "log.example/a", seed: Array(repeating: UInt8($0), count: 32)) }
    }

    private func note(_ size: UInt64, _ key: SigningKey) throws -> [UInt8] {
        let checkpoint = try Checkpoint(origin: origin, size: size, root: .leaf(of: [UInt8(size)]))
        return try SignedCheckpoint(checkpoint, signedBy: key).bytes
    }

    private func change(_ old: SigningKey, _ new: SigningKey, signedBy key: SigningKey? = nil) throws -> [UInt8] {
        let entry = LogKeyEntry(
            log: origin, time: UTCTime(hour: 1), previous: old.verifier.text, key: new.verifier.text, by: "operator",
            reason: "r", salt: Array(repeating: 1, count: 16), consent: Array(repeating: 0, count: 64))
        return try (key ?? old).sign(entry.text).bytes
    }

    @Test func itFollowsTheSignedEntryAndForgetsTheOldKey() throws {
        var memory = CheckpointMemory(origin: origin, key: keys[0].verifier)
        #expect(try memory.take(note(3, keys[0]))?.size == 3)
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(4, keys[1])) }
        let first = try change(keys[0], keys[1])
        #expect(try memory.take(note(4, keys[1]), logKeys: [first])?.size == 4)
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(5, keys[0])) }
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(5, keys[0]), logKeys: [first]) }
        // Two at once, for a node that was away.
        var late = CheckpointMemory(origin: origin, key: keys[0].verifier)
        let second = try change(keys[1], keys[2])
        #expect(try late.take(note(9, keys[2]), logKeys: [first, second])?.size == 9)
        #expect(late.logKeys == [first, second])
    }

    @Test func nothingElseMakesItBelieveAnotherKey() throws {
        var memory = CheckpointMemory(origin: origin, key: keys[0].verifier)
        let unsigned = try change(keys[0], keys[1], signedBy: keys[1])
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(4, keys[1]), logKeys: [unsigned]) }
        let skipping = try change(keys[1], keys[2])
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(4, keys[2]), logKeys: [skipping]) }
        // A change without a checkpoint under the new key changes nothing.
        let first = try change(keys[0], keys[1])
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take([1, 2], logKeys: [first]) }
        #expect(try memory.take(note(4, keys[0]))?.size == 4)
        // A second successor of one key is a thief's.
        #expect(try memory.take(note(5, keys[1]), logKeys: [first])?.size == 5)
        let other = try change(keys[0], keys[2])
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(6, keys[2]), logKeys: [other]) }
    }

    @Test func itRemembersTheKeyAcrossRestarts() throws {
        let first = try change(keys[0], keys[1])
        var memory = CheckpointMemory(
            origin: origin, key: keys[0].verifier, remembered: try note(9, keys[1]), logKeys: [first])
        #expect(memory.head?.size == 9)
        #expect(throws: CheckpointMemory.Fault.shrunk(from: 9, to: 8)) { try memory.take(self.note(8, keys[1])) }
        // It ended between the keys and the checkpoint: the older one still counts.
        let between = CheckpointMemory(
            origin: origin, key: keys[0].verifier, remembered: try note(7, keys[0]), logKeys: [first])
        #expect(between.head?.size == 7)
    }
}
