package import TransparencyLog

/// Moves the right to sign for a log to this host: its signer's state is made from what others know of the log, not
/// from what the database says of itself.
///
/// The database must hold every tree that a witness, a node or the database itself has a checkpoint of. The newest of
/// them becomes the state: from then on nothing that contradicts any of them is signed here. The host that signed
/// before must not sign any more.
package enum SignerAdoption {
    package enum Fault: Error, Sendable, Hashable, CustomStringConvertible {
        case nothingKnown(origin: String)
        case notOurs(place: String, reason: String)
        case contradicted(origin: String, place: String, size: UInt64)
        case behind(origin: String, place: String, size: UInt64, found: UInt64)

        package var description: String {
            switch self {
            case .nothingKnown(let origin):
                "no checkpoint of \(origin) from outside its database: name one with --checkpoint (a node keeps its"
                    + " newest in spool/checkpoint), or configure a witness that has cosigned it"
            case .notOurs(let place, let reason): "\(place) is no checkpoint of this log: \(reason)"
            case .contradicted(let origin, let place, let size):
                "the first \(size) entries of \(origin) are not those of the checkpoint in \(place): restore the"
                    + " database that it was signed over"
            case .behind(let origin, let place, let size, let found):
                "\(place) is a checkpoint of \(size) entries, the database of \(origin) has \(found): restore a newer"
                    + " one"
            }
        }
    }

    /// A checkpoint and where it was found.
    package struct Known: Sendable {
        package let place: String
        package let note: [UInt8]

        package init(place: String, note: [UInt8]) {
            self.place = place
            self.note = note
        }
    }

    /// Checks a database against everything that is known of its log.
    ///
    /// - Parameter keys: every key that the log has had.
    /// - Returns: the newest checkpoint.
    package static func check(
        origin: String, keys: [VerifierKey], log: LogPublisher.Log, known: [Known]
    ) async throws -> SignedCheckpoint {
        var checkpoints: [(place: String, signed: SignedCheckpoint)] = []
        for item in known { checkpoints.append((item.place, try verified(item, origin: origin, keys: keys))) }
        checkpoints.sort { $0.signed.checkpoint.size < $1.signed.checkpoint.size }
        guard let newest = checkpoints.last else { throw Fault.nothingKnown(origin: origin) }
        let size = UInt64(clamping: try await log.size())
        var frontier = MerkleFrontier()
        for (place, signed) in checkpoints {
            let head = signed.checkpoint.head
            guard head.size <= size else {
                throw Fault.behind(origin: origin, place: place, size: head.size, found: size)
            }
            try await extend(&frontier, to: head.size, log, origin)
            guard frontier.root == head.root else {
                throw Fault.contradicted(origin: origin, place: place, size: head.size)
            }
        }
        return newest.signed
    }

    private static func verified(
        _ item: Known, origin: String, keys: [VerifierKey]
    ) throws(Fault) -> SignedCheckpoint {
        do throws(TransparencyLogError) {
            let signed = try SignedCheckpoint(parsing: item.note)
            let signing = keys.first { key in signed.note.signatures.contains { key.matches($0) } }
            guard let key = signing ?? keys.last else { throw TransparencyLogError(.badKey, "the log has no key") }
            _ = try signed.verify(origin: origin, log: key)
            return signed
        } catch {
            throw .notOurs(place: item.place, reason: error.reason)
        }
    }

    private static func extend(
        _ frontier: inout MerkleFrontier, to size: UInt64, _ log: LogPublisher.Log, _ origin: String
    ) async throws {
        while frontier.size < size {
            let start = Int64(frontier.size)
            let leaves = try await log.leaves(start..<min(Int64(size), start + LogPublisher.leavesPerRead))
            guard !leaves.isEmpty else {
                throw PublishingError.missingLeaves(origin: origin, expected: size, found: frontier.size)
            }
            frontier.append(contentsOf: leaves)
        }
    }
}
