import NodeAgent
import Testing
import TransparencyLog

@Suite struct CheckpointMemoryTests {
    private let key = try! SigningKey(name: "log.example/a", seed: Array(repeating: 1, count: 32))

    private func note(_ size: UInt64, root: UInt8 = 0, key: SigningKey? = nil, origin: String = "log.example/a") throws
        -> [UInt8]
    {
        let root = size == 0 ? MerkleHash.emptyTree : .leaf(of: [root, UInt8(size % 256)])
        return try SignedCheckpoint(Checkpoint(origin: origin, size: size, root: root), signedBy: key ?? self.key).bytes
    }

    @Test func itTakesGrowthAndRefusesEverythingElse() throws {
        var memory = CheckpointMemory(origin: "log.example/a", key: key.verifier)
        #expect(try memory.take(note(3))?.size == 3)
        #expect(try memory.take(note(3)) == nil)
        #expect(throws: CheckpointMemory.Fault.forked(size: 3)) { try memory.take(self.note(3, root: 1)) }
        #expect(throws: CheckpointMemory.Fault.shrunk(from: 3, to: 2)) { try memory.take(self.note(2)) }
        let other = try SigningKey(name: "log.example/a", seed: Array(repeating: 2, count: 32))
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(4, key: other)) }
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take(self.note(4, origin: "log.example/b")) }
        #expect(throws: CheckpointMemory.Fault.self) { try memory.take([1, 2, 3]) }
        #expect(memory.head?.size == 3)
        #expect(try memory.take(note(4))?.size == 4)
    }

    @Test func itRemembersAcrossRestarts() throws {
        var memory = CheckpointMemory(origin: "log.example/a", key: key.verifier, remembered: try note(9))
        #expect(throws: CheckpointMemory.Fault.shrunk(from: 9, to: 8)) { try memory.take(self.note(8)) }
        #expect(CheckpointMemory(origin: "log.example/a", key: key.verifier, remembered: [0]).head == nil)
    }
}
