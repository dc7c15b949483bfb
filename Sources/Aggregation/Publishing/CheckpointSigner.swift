import Identity
package import TransparencyLog

/// Signs the checkpoints of one log, and never two that contradict each other.
///
/// It keeps the last tree that it signed in a file of its own, outside the database: a database restored from a backup,
/// or a second publisher on it, cannot make this host sign a fork. The file is durable before a signature leaves the
/// host. A crash before that write has signed nothing; a crash after it signs the same tree again, which is no fork.
package struct CheckpointSigner: Sendable {
    package let origin: String
    private let key: SigningKey
    private let selfWitness: CosigningKey
    private let path: String
    /// The last tree that was signed.
    package private(set) var last: TreeHead

    /// - Parameter path: the signer's file. A missing one is an error, because nobody could tell what was signed
    ///   before.
    package init(origin: String, key: SigningKey, selfWitness: CosigningKey, path: String) throws {
        self.origin = origin
        self.key = key
        self.selfWitness = selfWitness
        self.path = path
        last = try Self.read(path, origin: origin)
    }

    /// Makes the file of a log that has signed nothing yet.
    package static func create(origin: String, path: String) throws {
        try write(TreeHead.empty, origin: origin, path: path)
    }

    /// Signs a tree and cosigns it with the time.
    ///
    /// - Parameters:
    ///   - head: the tree to sign.
    ///   - proof: consistency proof from `last` to it, empty when both are the same size.
    ///   - time: POSIX seconds for the operator's own cosignature.
    package mutating func sign(_ head: TreeHead, proof: [MerkleHash], time: UInt64) throws -> SignedCheckpoint {
        guard head.size >= last.size else {
            throw PublishingError.behind(origin: origin, signed: last.size, offered: head.size)
        }
        if last.size > 0 {
            do {
                try ConsistencyProof(oldSize: last.size, newSize: head.size, path: proof)
                    .verify(oldRoot: last.root, newRoot: head.root)
            } catch {
                throw PublishingError.fork(origin: origin, size: last.size)
            }
        }
        try Self.write(head, origin: origin, path: path)
        last = head
        let checkpoint = try Checkpoint(origin: origin, head: head)
        let signed = try SignedCheckpoint(checkpoint, signedBy: key)
        return try signed.adding([selfWitness.cosignature(of: checkpoint, time: time)])
    }

    // MARK: The file

    private static func write(_ head: TreeHead, origin: String, path: String) throws {
        let text = "wattest/signer/v1\n\(origin)\n\(head.size)\n\(head.root.base64)\n"
        try PrivateFile.write(Array(text.utf8), to: path)
    }

    private static func read(_ path: String, origin: String) throws -> TreeHead {
        let text = String(decoding: try PrivateFile.readSecret(path), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == "wattest/signer/v1", lines[1] == origin, lines[4].isEmpty,
            let size = CanonicalDecimal.parse(String(lines[2])), let root = MerkleHash(base64: String(lines[3]))
        else { throw PublishingError.damagedState(path: path) }
        return TreeHead(size: size, root: root)
    }
}

/// Why nothing is signed.
package enum PublishingError: Error, Sendable, Hashable, CustomStringConvertible {
    case behind(origin: String, signed: UInt64, offered: UInt64)
    case fork(origin: String, size: UInt64)
    case damagedState(path: String)
    case missingLeaves(origin: String, expected: UInt64, found: UInt64)

    package var description: String {
        switch self {
        case .behind(let origin, let signed, let offered):
            "the log \(origin) has \(offered) entries, but \(signed) were signed: "
                + "the database was restored from an older "
                + "backup; restore the newer one"
        case .fork(let origin, let size):
            "the first \(size) entries of the log \(origin) are not those that were signed; nothing is signed over them"
        case .damagedState(let path):
            "\(path) is not the signer's state of this log; restore it or adopt the log with 'signer adopt'"
        case .missingLeaves(let origin, let expected, let found):
            "the log \(origin) has \(found) of its \(expected) leaf hashes; restore the database"
        }
    }
}
