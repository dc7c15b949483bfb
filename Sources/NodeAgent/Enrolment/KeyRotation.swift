package import Batches
package import Energy
import Identity
package import TransparencyLog

/// Gives a node a new signing key, named by the old one.
///
/// Steps, and what a crash after each means:
/// 1. the new key lies beside the old one: nobody knows it, the next start deletes it;
/// 2. the rotation, signed by the old key, lies in the spool: it will be sent, so the next start takes the new key;
/// 3. the new key replaces the old one: done.
package enum KeyRotation {
    package struct Outcome: Sendable, Hashable {
        package let old: VerifierKey
        package let new: VerifierKey
        /// The first place of the chain that the new key signs.
        package let from: ChainPosition
    }

    /// - Parameters:
    ///   - seed: 32 random bytes for the new key.
    ///   - salt: 16 random bytes for the entry.
    /// - Throws: when the agent runs (its spool is held), or something stands in the way of a clean change.
    package static func run(
        directory: String, now: UTCTime, seed: [UInt8], salt: [UInt8]
    ) throws(AgentError) -> Outcome {
        let enrolment = try Enrolment(directory: directory)
        guard enrolment.role == .node else {
            throw AgentError(.refused, "\(enrolment.node) is an importer: enroll a new one instead of rotating its key")
        }
        do {
            let spool = try Spool(path: directory + "/spool")
            defer { spool.close() }
            guard !spool.recovered.contains(where: { $0.position == nil }) else {
                throw AgentError(
                    .refused, "entries under the old key wait in \(spool.path): run the agent until they are sent")
            }
            return try write(enrolment, spool, now: now, seed: seed, salt: salt)
        } catch let error as AgentError {
            throw error
        } catch let error as SpoolError {
            throw AgentError(error)
        } catch {
            throw AgentError(.file, "\(error)")
        }
    }

    private static func write(
        _ enrolment: Enrolment, _ spool: Spool, now: UTCTime, seed: [UInt8], salt: [UInt8]
    ) throws -> Outcome {
        let chain = try RecoveredChain(spool, enrolment).chain
        let key = try SigningKey(name: enrolment.node, seed: seed)
        let position = ChainPosition(incarnation: chain.incarnation, sequence: chain.nextSequence)
        let entry = NodeEntry(
            log: enrolment.log, time: now, action: .rotate, node: enrolment.node, role: .node, site: enrolment.site,
            key: key.verifier.text, position: position, salt: salt)
        let note = try enrolment.signingKey.sign(entry.text).bytes
        try PrivateFile.write(
            Array((key.privateText + "\n").utf8), to: enrolment.directory + "/" + Enrolment.nextKeyName)
        try spool.write(SignedEntry(position: nil, note: note, samples: []))
        try replace(in: enrolment.directory)
        return Outcome(old: enrolment.signingKey.verifier, new: key.verifier, from: position)
    }

    private static func replace(in directory: String) throws(SpoolError) {
        try DurableFile.move(
            directory + "/" + Enrolment.nextKeyName, to: directory + "/" + Enrolment.signingKeyName)
        try DurableFile.syncDirectory(directory)
    }

    /// Ends a rotation that a crash interrupted: forwards when the log will learn of it, backwards when not.
    static func finish(_ directory: String) throws {
        let next = directory + "/" + Enrolment.nextKeyName
        guard PrivateFile.exists(next) else { return }
        let text = try PrivateFile.readSecret(next).prefix { $0 != UInt8(ascii: "\n") }
        let key = try SigningKey(parsing: String(decoding: text, as: UTF8.self)).verifier.text
        if try isAnnounced(key, in: directory + "/spool") {
            try replace(in: directory)
        } else {
            try DurableFile.delete(next)
        }
    }

    private static func isAnnounced(_ key: String, in spool: String) throws -> Bool {
        guard PrivateFile.exists(spool) else { return false }
        for name in try DurableFile.names(in: spool) where name.hasSuffix(".note") {
            guard let bytes = try DurableFile.read("\(spool)/\(name)"), let note = try? SignedNote(parsing: bytes),
                let entry = try? NodeEntry(text: Array(note.text))
            else { continue }
            if entry.action == .rotate, entry.key == key { return true }
        }
        return false
    }
}
