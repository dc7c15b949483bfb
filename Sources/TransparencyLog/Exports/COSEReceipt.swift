/// A Merkle proof as a COSE receipt (RFC 9942): the same tree, hashes and keys in the encoding of SCITT tools.
///
/// The root is not in the receipt: it follows from the proof, and the signature is over it.
package struct COSEReceipt: Sendable, Hashable {
    package enum Proof: Sendable, Hashable {
        case inclusion(InclusionProof)
        case consistency(ConsistencyProof)
    }

    private enum Label {
        static let algorithm: Int64 = 1
        static let critical: Int64 = 2
        static let verifiableDataStructure: Int64 = 395
        static let verifiableDataProofs: Int64 = 396
        static let inclusion: Int64 = -1
        static let consistency: Int64 = -2
    }

    private static let signedTag: UInt64 = 18
    /// RFC 9162 with SHA-256.
    private static let treeAlgorithm: Int64 = 1
    private static let edDSA: Int64 = -8

    package let proof: Proof
    /// As received or made: the signature is over these bytes.
    package let protectedHeader: [UInt8]
    package let signature: [UInt8]

    /// Signs the root of the larger tree of `proof`.
    package init(_ proof: Proof, root: MerkleHash, signedBy key: SigningKey) throws(TransparencyLogError) {
        protectedHeader =
            CBOR.map([
                CBOR.Pair(.integer(Label.algorithm), .integer(Self.edDSA)),
                CBOR.Pair(.integer(Label.verifiableDataStructure), .integer(Self.treeAlgorithm)),
            ]).encoded
        self.proof = proof
        signature = try key.rawSignature(for: Self.signedMessage(protectedHeader: protectedHeader, root: root))
    }

    /// Reads a receipt with one proof and the root left out.
    ///
    /// - Throws: `bad_receipt`, `bad_proof`
    package init(decoding bytes: [UInt8]) throws(TransparencyLogError) {
        guard case .tagged(Self.signedTag, .array(let parts)) = try CBOR(decoding: bytes), parts.count == 4,
            case .bytes(let protectedHeader) = parts[0], case .null = parts[2], case .bytes(let signature) = parts[3]
        else {
            throw TransparencyLogError(.badReceipt, "not a COSE_Sign1 without payload")
        }
        let header = try CBOR(decoding: protectedHeader)
        guard header[Label.verifiableDataStructure] == .integer(Self.treeAlgorithm) else {
            throw TransparencyLogError(.badReceipt, "the tree is not RFC9162_SHA256")
        }
        // RFC 9052: what a receipt calls critical must be understood, and no such parameter is.
        guard header[Label.critical] == nil else {
            throw TransparencyLogError(.badReceipt, "the receipt has critical parameters that are not known here")
        }
        guard let proofs = parts[1][Label.verifiableDataProofs] else {
            throw TransparencyLogError(.badReceipt, "the unprotected header has no proofs (396)")
        }
        proof = try Self.proof(in: proofs)
        self.protectedHeader = protectedHeader
        self.signature = signature
    }

    private static func proof(in proofs: CBOR) throws(TransparencyLogError) -> Proof {
        if case .array(let items) = proofs[Label.inclusion], proofs[Label.consistency] == nil {
            let (size, index, path) = try fields(items)
            return .inclusion(try InclusionProof(index: index, size: size, path: path))
        }
        if case .array(let items) = proofs[Label.consistency], proofs[Label.inclusion] == nil {
            let (oldSize, newSize, path) = try fields(items)
            return .consistency(try ConsistencyProof(oldSize: oldSize, newSize: newSize, path: path))
        }
        throw TransparencyLogError(.badReceipt, "expected inclusion (-1) or consistency (-2) proofs")
    }

    private static func fields(
        _ items: [CBOR]
    ) throws(TransparencyLogError) -> (UInt64, UInt64, [MerkleHash]) {
        guard items.count == 1, case .bytes(let bytes) = items[0],
            case .array(let fields) = try CBOR(decoding: bytes), fields.count == 3,
            case .unsigned(let first) = fields[0], case .unsigned(let second) = fields[1],
            case .array(let hashes) = fields[2]
        else {
            throw TransparencyLogError(.badReceipt, "expected one proof of two numbers and a path")
        }
        var path: [MerkleHash] = []
        for hash in hashes {
            guard case .bytes(let bytes) = hash, let value = MerkleHash(bytes) else {
                throw TransparencyLogError(.badReceipt, "a hash of the path is not 32 bytes")
            }
            path.append(value)
        }
        return (first, second, path)
    }

    package var encoded: [UInt8] {
        let (label, first, second, path) =
            switch proof {
            case .inclusion(let proof): (Label.inclusion, proof.size, proof.index, proof.path)
            case .consistency(let proof): (Label.consistency, proof.oldSize, proof.newSize, proof.path)
            }
        let fields = CBOR.array([.unsigned(first), .unsigned(second), .array(path.map { .bytes($0.bytes) })])
        let proofs = CBOR.map([CBOR.Pair(.integer(label), .array([.bytes(fields.encoded)]))])
        let unprotected = CBOR.map([CBOR.Pair(.integer(Label.verifiableDataProofs), proofs)])
        return CBOR.tagged(
            Self.signedTag, .array([.bytes(protectedHeader), unprotected, .null, .bytes(signature)])
        ).encoded
    }

    /// The Sig_structure of RFC 9052 section 4.4, with the root as payload.
    private static func signedMessage(protectedHeader: [UInt8], root: MerkleHash) -> [UInt8] {
        CBOR.array([.text("Signature1"), .bytes(protectedHeader), .bytes([]), .bytes(root.bytes)]).encoded
    }

    /// Whether `key` signed this root. Only EdDSA receipts are checked; others are never valid here.
    ///
    /// - Throws: `bad_receipt`, `bad_signature`
    package func verifySignature(root: MerkleHash, key: VerifierKey) throws(TransparencyLogError) {
        guard try CBOR(decoding: protectedHeader)[Label.algorithm] == .integer(Self.edDSA), key.type == .ed25519 else {
            throw TransparencyLogError(.badReceipt, "the receipt is not signed with EdDSA")
        }
        let message = Self.signedMessage(protectedHeader: protectedHeader, root: root)
        guard key.isValidSignature(signature, for: message) else {
            throw TransparencyLogError(.badSignature, "the receipt is not signed by \(Quoted(key.name))")
        }
    }

    /// Checks an inclusion receipt for a leaf.
    package func verify(leaf: MerkleHash, key: VerifierKey) throws(TransparencyLogError) -> TreeHead {
        guard case .inclusion(let proof) = proof else {
            throw TransparencyLogError(.badReceipt, "the receipt proves consistency, not inclusion")
        }
        let root = proof.root(leaf: leaf)
        try verifySignature(root: root, key: key)
        return TreeHead(size: proof.size, root: root)
    }

    /// Checks a consistency receipt between two trees.
    package func verify(old: TreeHead, new: TreeHead, key: VerifierKey) throws(TransparencyLogError) {
        guard case .consistency(let proof) = proof else {
            throw TransparencyLogError(.badReceipt, "the receipt proves inclusion, not consistency")
        }
        try proof.verify(old: old, new: new)
        try verifySignature(root: new.root, key: key)
    }
}
