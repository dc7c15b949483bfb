package import Energy
import Identity
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Signs the checkpoints of one log, and never two that contradict each other.
///
/// It keeps the last tree that it signed in a file of its own, outside the database: a database restored from a backup,
/// or a second publisher on it, cannot make this host sign a fork. The file is durable before a signature leaves the
/// host. A crash before that write has signed nothing; a crash after it signs the same tree again, which is no fork.
package struct CheckpointSigner: Sendable {
    package let origin: String
    private var key: SigningKey
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

    /// The last tree that was signed.
    package static func state(origin: String, path: String) throws -> TreeHead { try read(path, origin: origin) }

    /// Makes the file of a log that has signed nothing yet.
    package static func create(origin: String, path: String) throws {
        try write(TreeHead.empty, origin: origin, path: path)
    }

    /// Makes the file anew, from a tree that was signed by another host or before a loss.
    package static func adopt(_ head: TreeHead, origin: String, path: String) throws {
        let lock = try SignerLock(path)
        defer { lock.release() }
        // What this host knows of is never forgotten.
        if let known = try? read(path, origin: origin), known.size > head.size {
            throw PublishingError.behind(origin: origin, signed: known.size, offered: head.size)
        }
        try write(head, origin: origin, path: path)
    }

    /// Signs a tree and cosigns it with the time.
    ///
    /// - Parameters:
    ///   - head: the tree to sign.
    ///   - proof: consistency proof from `last` to it, empty when both are the same size.
    ///   - time: for the operator's own cosignature.
    ///   - crash: throws where a test wants this host to die.
    package mutating func sign(
        _ head: TreeHead, proof: [MerkleHash], time: UTCTime, crash: (PublishingStep) throws -> Void = { _ in }
    ) throws -> SignedCheckpoint {
        let lock = try SignerLock(path)
        defer { lock.release() }
        // Another process on this directory may have signed since.
        guard try Self.read(path, origin: origin) == last else { throw PublishingError.movedOn(origin: origin) }
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
        try crash(.signerState)
        last = head
        let checkpoint = try Checkpoint(origin: origin, head: head)
        let signed = try SignedCheckpoint(checkpoint, signedBy: key)
        let seconds = UInt64(clamping: time.microseconds / 1_000_000)
        let complete = try signed.adding([selfWitness.cosignature(of: checkpoint, time: seconds)])
        try crash(.signed)
        return complete
    }

    /// Signs with another key from now on.
    package mutating func change(to key: SigningKey) { self.key = key }

    /// Takes over what another publisher on this directory has signed meanwhile.
    package mutating func refresh() throws { last = try Self.read(path, origin: origin) }

    /// The last tree that was signed, as a checkpoint that was kept of it; nil when the bytes are of something else.
    package func recognize(_ note: [UInt8]) -> SignedCheckpoint? {
        guard let signed = try? SignedCheckpoint(parsing: note), signed.checkpoint.head == last,
            (try? signed.verify(origin: origin, log: key.verifier)) != nil
        else { return nil }
        return signed
    }

    // MARK: The file

    private static func write(_ head: TreeHead, origin: String, path: String) throws {
        let text = "wattest/signer/v1\n\(origin)\n\(head.size)\n\(head.root.base64)\n"
        try PrivateFile.write(Array(text.utf8), to: path)
    }

    private static func read(_ path: String, origin: String) throws -> TreeHead {
        guard PrivateFile.exists(path) else { throw PublishingError.missingState(path: path) }
        let text = String(decoding: try PrivateFile.readSecret(path), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == "wattest/signer/v1", lines[1] == origin, lines[4].isEmpty,
            let size = CanonicalDecimal.parse(String(lines[2])), let root = MerkleHash(base64: String(lines[3]))
        else { throw PublishingError.damagedState(path: path) }
        return TreeHead(size: size, root: root)
    }
}

/// Keeps the processes of one host apart while one of them reads, changes and writes a file.
struct SignerLock {
    private let descriptor: Int32

    init(_ path: String) throws(PublishingError) {
        let file = path + ".lock"
        guard let descriptor = try Self.locked(file, LOCK_EX) else { throw .lock(path: file, reason: "it is held") }
        self.descriptor = descriptor
    }

    /// - Returns: nil when another one holds it.
    init?(atOnce path: String) throws(PublishingError) {
        guard let descriptor = try Self.locked(path + ".lock", LOCK_EX | LOCK_NB) else { return nil }
        self.descriptor = descriptor
    }

    private static func locked(_ file: String, _ operation: Int32) throws(PublishingError) -> Int32? {
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .lock(path: file, reason: String(cString: strerror(errno))) }
        while flock(descriptor, operation) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(descriptor)
            if code == EWOULDBLOCK { return nil }
            throw .lock(path: file, reason: String(cString: strerror(code)))
        }
        return descriptor
    }

    /// Closing gives the lock back, as the end of the process would.
    func release() { close(descriptor) }
}

/// The moments of a publication after which a crash leaves something behind, in their order.
package enum PublishingStep: String, Sendable, Hashable, CaseIterable {
    /// Tiles lie on disk; nobody was told of them.
    case tiles
    /// The signer's file holds the new tree; nothing is signed.
    case signerState
    /// A signature exists in memory alone.
    case signed
    /// The database holds the checkpoint.
    case stored
    /// The file beside the tiles holds it.
    case shown
}

/// Why nothing is signed.
package enum PublishingError: Error, Sendable, Hashable, CustomStringConvertible {
    case behind(origin: String, signed: UInt64, offered: UInt64)
    case fork(origin: String, size: UInt64)
    case damagedState(path: String)
    case missingState(path: String)
    case damagedTile(path: String)
    case missingLeaves(origin: String, expected: UInt64, found: UInt64)
    case halted(origin: String, reason: String)
    case movedOn(origin: String)
    case lock(path: String, reason: String)

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
        case .missingState(let path):
            "\(path) is not there: nobody knows what was signed; restore it, or adopt the log with 'signer adopt'"
        case .damagedTile(let path):
            "\(path) is not what the signed entries give: somebody changed it; remove it and it is made anew"
        case .missingLeaves(let origin, let expected, let found):
            "the log \(origin) has \(found) of its \(expected) leaf hashes; restore the database"
        case .movedOn(let origin):
            "another publisher signed for the log \(origin) in this moment; the next round goes on from there"
        case .lock(let path, let reason): "cannot lock \(path): \(reason)"
        case .halted(let origin, let reason):
            "the log \(origin) signs nothing: \(reason); restore the newest state, or adopt the log with 'signer adopt'"
        }
    }
}
