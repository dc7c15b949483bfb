import Testing
import TransparencyLog

@Suite struct MerkleVectors {
    struct HashCase: Decodable {
        var op: String
        var dataUtf8: String?
        var leftUtf8: String?
        var rightUtf8: String?
        var want: String
    }

    @Test func hashes() throws {
        let cases: [HashCase] = try VectorFile.decode("transparency-dev-merkle/rfc6962-hasher.json")
        #expect(cases.count == 4)
        for vector in cases {
            switch vector.op {
            case "empty-root":
                #expect(MerkleHash.emptyTree.hexadecimal == vector.want)
            case "leaf":
                #expect(MerkleHash.leaf(of: Array(try #require(vector.dataUtf8).utf8)).hexadecimal == vector.want)
            case "node":
                // The vector hashes four-byte "hashes": no tree of ours has them, so only the prefix rule is checked.
                let joined = "\u{1}" + (vector.leftUtf8 ?? "") + (vector.rightUtf8 ?? "")
                #expect(MerkleHash.sha256(of: Array(joined.utf8)).hexadecimal == vector.want)
            default:
                Issue.record("unknown operation \(vector.op)")
            }
        }
    }

    struct InclusionCase: Decodable {
        var file: String
        var leafIdx: UInt64
        var treeSize: UInt64
        var root: String
        var leafHash: String
        var proof: [String]?
        var wantErr: Bool
    }

    @Test func inclusion() throws {
        let cases: [InclusionCase] = try VectorFile.decode("transparency-dev-merkle/inclusion.json")
        #expect(cases.count == 98)
        for vector in cases { #expect(verifies(vector) == !vector.wantErr, "\(vector.file)") }
    }

    private func verifies(_ vector: InclusionCase) -> Bool {
        guard let root = MerkleHash(base64: vector.root), let leaf = MerkleHash(base64: vector.leafHash),
            let path = hashes(vector.proof)
        else { return false }
        do {
            try InclusionProof(index: vector.leafIdx, size: vector.treeSize, path: path).verify(leaf: leaf, root: root)
            return true
        } catch {
            return false
        }
    }

    struct SubtreeCase: Decodable {
        var file: String
        var leafIdx: UInt64
        var start: UInt64
        var end: UInt64
        var root: String
        var leafHash: String
        var proof: [String]?
        var wantErr: Bool
    }

    /// A subtree that begins where one of its length can begin is a tree of its own.
    @Test func subtreeInclusion() throws {
        let cases: [SubtreeCase] = try VectorFile.decode("transparency-dev-merkle/subtreeinclusion.json")
        #expect(cases.count > 100)
        for vector in cases {
            let isSubtree =
                vector.start < vector.end && vector.start <= vector.leafIdx
                && vector.start.trailingZeroBitCount >= 64 - (vector.end - vector.start - 1).leadingZeroBitCount
            let inner = InclusionCase(
                file: vector.file, leafIdx: vector.leafIdx &- vector.start, treeSize: vector.end &- vector.start,
                root: vector.root, leafHash: vector.leafHash, proof: vector.proof, wantErr: vector.wantErr)
            #expect((isSubtree && verifies(inner)) == !vector.wantErr, "\(vector.file)")
        }
    }

    struct SubtreeConsistencyCase: Decodable {
        var file: String
        var start: UInt64
        var end: UInt64
        var size: UInt64
        var root1: String
        var root2: String
        var proof: [String]?
        var wantErr: Bool
    }

    @Test func subtreeConsistency() throws {
        let cases: [SubtreeConsistencyCase] = try VectorFile.decode("transparency-dev-merkle/subtreeconsistency.json")
        #expect(cases.count == 118)
        for vector in cases { #expect(verifies(vector) == !vector.wantErr, "\(vector.file)") }
    }

    private func verifies(_ vector: SubtreeConsistencyCase) -> Bool {
        guard let subtree = root(vector.root1), let root = root(vector.root2), let path = hashes(vector.proof)
        else { return false }
        do {
            try SubtreeConsistencyProof(start: vector.start, end: vector.end, size: vector.size, path: path)
                .verify(subtree: subtree, root: root)
            return true
        } catch {
            return false
        }
    }

    struct ConsistencyCase: Decodable {
        var file: String
        var size1: UInt64
        var size2: UInt64
        var root1: String
        var root2: String
        var proof: [String]?
        var wantErr: Bool
    }

    @Test func consistency() throws {
        let cases: [ConsistencyCase] = try VectorFile.decode("transparency-dev-merkle/consistency.json")
        #expect(cases.count == 98)
        for vector in cases { #expect(verifies(vector) == !vector.wantErr, "\(vector.file)") }
    }

    private func verifies(_ vector: ConsistencyCase) -> Bool {
        guard let root1 = root(vector.root1), let root2 = root(vector.root2), let path = hashes(vector.proof)
        else { return false }
        do {
            try ConsistencyProof(oldSize: vector.size1, newSize: vector.size2, path: path)
                .verify(oldRoot: root1, newRoot: root2)
            return true
        } catch {
            return false
        }
    }

    /// Some cases have words for roots, of which only equality matters: they are hashed to 32 bytes.
    private func root(_ text: String) -> MerkleHash? {
        Base64.decode(text).map { MerkleHash($0) ?? .sha256(of: $0) }
    }

    private func hashes(_ texts: [String]?) -> [MerkleHash]? {
        let hashes = (texts ?? []).compactMap { MerkleHash(base64: $0) }
        return hashes.count == (texts ?? []).count ? hashes : nil
    }

    struct Roots: Decodable { var roots: [String: String] }

    @Test func rootsOfNumberedLeaves() throws {
        let roots: Roots = try VectorFile.decode("generated/roots-leaf-d.json")
        var frontier = MerkleFrontier()
        var checked = 0
        for size in 0...1025 {
            if let want = roots.roots["\(size)"] {
                #expect(frontier.root.base64 == want, "size \(size)")
                checked += 1
            }
            frontier.append(.leaf(of: Array("leaf \(size)".utf8)))
        }
        #expect(checked == roots.roots.count)
    }
}
