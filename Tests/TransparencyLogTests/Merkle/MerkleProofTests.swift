import Testing
import TransparencyLog

@Suite struct MerkleProofTests {
    private let tree = ReferenceTree(leafCount: 300)

    @Test func everyInclusionUpTo300() throws {
        for size in 1...300 {
            let root = tree.root(size)
            for index in 0..<size {
                let proof = try InclusionProof(index: UInt64(index), size: UInt64(size)) { tree.hash($0) }
                if size % 16 == 1 { #expect(proof.path == tree.path(index, in: 0..<size)) }
                guard proof.root(leaf: tree.leaves[index]) == root else {
                    Issue.record("inclusion of \(index) in \(size)")
                    return
                }
            }
        }
    }

    @Test func everyConsistencyUpTo300() throws {
        for newSize in 1...300 {
            for oldSize in 1...newSize {
                let proof = try ConsistencyProof(oldSize: UInt64(oldSize), newSize: UInt64(newSize)) { tree.hash($0) }
                try proof.verify(oldRoot: tree.root(oldSize), newRoot: tree.root(newSize))
            }
        }
    }

    /// Every subtree of every tree; those that begin at 0 are consistency proofs.
    @Test func everySubtreeUpTo80() throws {
        for size in 1...80 {
            for start in 0..<size {
                for end in (start + 1)...size {
                    let bits = Int.bitWidth - (end - start - 1).leadingZeroBitCount
                    guard start % (1 << bits) == 0 else {
                        expectRefusal(.badProof) {
                            try SubtreeConsistencyProof(
                                start: UInt64(start), end: UInt64(end), size: UInt64(size), path: [tree.root(size)])
                        }
                        continue
                    }
                    let proof = try SubtreeConsistencyProof(
                        start: UInt64(start), end: UInt64(end), size: UInt64(size)
                    ) { tree.hash($0) }
                    let (subtree, root) = (tree.hash(start..<end), tree.root(size))
                    try proof.verify(subtree: subtree, root: root)
                    expectRefusal(.badProof) { try proof.verify(subtree: flipped(subtree, bit: 3), root: root) }
                    expectRefusal(.badProof) { try proof.verify(subtree: subtree, root: flipped(root, bit: 5)) }
                    guard start == 0 else { continue }
                    let whole = try ConsistencyProof(oldSize: UInt64(end), newSize: UInt64(size)) { tree.hash($0) }
                    #expect(whole.path == proof.path)
                }
            }
        }
    }

    @Test func noOtherLeafIndexSizeOrPathVerifies() throws {
        for size in 1...40 {
            for index in 0..<size {
                let proof = try InclusionProof(index: UInt64(index), size: UInt64(size)) { tree.hash($0) }
                let root = tree.root(size)
                for other in 0..<size where other != index {
                    expectRefusal(.badProof) { try proof.verify(leaf: tree.leaves[other], root: root) }
                    let moved = try? InclusionProof(index: UInt64(other), size: UInt64(size), path: proof.path)
                    #expect(moved?.root(leaf: tree.leaves[index]) != root)
                }
                for position in proof.path.indices {
                    var path = proof.path
                    path[position] = flipped(path[position], bit: (index + position) % 256)
                    let damaged = try InclusionProof(index: UInt64(index), size: UInt64(size), path: path)
                    expectRefusal(.badProof) { try damaged.verify(leaf: tree.leaves[index], root: root) }
                }
                for path in [proof.path + [root], Array(proof.path.dropLast(1)), [root] + proof.path]
                where path.count != proof.path.count {
                    expectRefusal(.badProof) {
                        try InclusionProof(index: UInt64(index), size: UInt64(size), path: path)
                    }
                }
            }
        }
    }

    @Test func noOtherConsistencyVerifies() throws {
        for newSize in 2...40 {
            for oldSize in 1..<newSize {
                let proof = try ConsistencyProof(oldSize: UInt64(oldSize), newSize: UInt64(newSize)) { tree.hash($0) }
                let (old, new) = (tree.root(oldSize), tree.root(newSize))
                expectRefusal(.badProof) { try proof.verify(oldRoot: new, newRoot: new) }
                expectRefusal(.badProof) { try proof.verify(oldRoot: old, newRoot: old) }
                for position in proof.path.indices {
                    var path = proof.path
                    path[position] = flipped(path[position], bit: (oldSize + position) % 256)
                    expectRefusal(.badProof) {
                        try ConsistencyProof(oldSize: UInt64(oldSize), newSize: UInt64(newSize), path: path)
                            .verify(oldRoot: old, newRoot: new)
                    }
                }
                for path in [proof.path + [new], [new] + proof.path, Array(proof.path.dropLast())] {
                    expectRefusal(.badProof) {
                        try ConsistencyProof(oldSize: UInt64(oldSize), newSize: UInt64(newSize), path: path)
                            .verify(oldRoot: old, newRoot: new)
                    }
                }
            }
        }
    }

    private func flipped(_ hash: MerkleHash, bit: Int) -> MerkleHash {
        var bytes = hash.bytes
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return MerkleHash(bytes) ?? hash
    }

    @Test func proofsThatProveNothingAreRefused() {
        expectRefusal(.badProof) { try ConsistencyProof(oldSize: 0, newSize: 5, path: []) }
        expectRefusal(.badProof) { try ConsistencyProof(oldSize: 0, newSize: 0, path: []) }
        expectRefusal(.badProof) { try ConsistencyProof(oldSize: 6, newSize: 5, path: []) }
        expectRefusal(.badProof) { try ConsistencyProof(oldSize: 5, newSize: 5, path: [.emptyTree]) }
        expectRefusal(.badProof) { try ConsistencyProof(oldSize: 4, newSize: 5, path: []) }
        expectRefusal(.badProof) { try InclusionProof(index: 0, size: 0, path: []) }
        expectRefusal(.badProof) { try InclusionProof(index: 5, size: 5, path: []) }
        expectRefusal(.badProof) { try InclusionProof(index: .max, size: .max, path: []) }
    }

    /// Sizes from outside must neither trap nor loop, however large.
    @Test func extremeSizesAreAnsweredNotCrashedOn() throws {
        let numbers: [UInt64] = [0, 1, 2, 3, 1 << 31, 1 << 62, (1 << 63) - 1, 1 << 63, .max - 1, .max]
        let root = MerkleHash.emptyTree
        for first in numbers {
            for second in numbers {
                for count in [0, 1, 2, 62, 63, 64, 65] {
                    let path = [MerkleHash](repeating: root, count: count)
                    if let proof = try? ConsistencyProof(oldSize: first, newSize: second, path: path), first != second {
                        expectRefusal(.badProof) { try proof.verify(oldRoot: root, newRoot: root) }
                    }
                    if let proof = try? InclusionProof(index: first, size: second, path: path), count > 0 {
                        expectRefusal(.badProof) { try proof.verify(leaf: root, root: root) }
                    }
                }
                _ = try? InclusionProof.nodes(index: first, size: second)
                _ = try? ConsistencyProof.nodes(oldSize: first, newSize: second)
            }
        }
    }
}
