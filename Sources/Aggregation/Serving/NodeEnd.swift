import Batches
import Energy
import HTTPEdge
import JSONText
import Store
import TransparencyLog

/// Ends the trust in a node's key, or in the node. The reason stands in the log, in front of the entry that acts on it.
struct NodeEnd: Sendable {
    let runtime: LogRuntime
    let clock: ServiceClock
    let node: String

    /// Revokes the node's newest key: what it signed up to `last_seq` stays, nothing behind it is taken, and nothing
    /// at all from the log index `cutoff` on. A key that is revoked can be so once more, for an earlier end.
    func revoke(_ body: JSONValue) async throws -> JSONValue {
        let signer = try signer()
        guard !signer.isRetired, let key = signer.keys.last else {
            throw Problem.conflict("node \(node) is retired: nothing more is taken of it")
        }
        let incarnation = try Self.integer(body, "incarnation") ?? newestIncarnation(of: signer)
        guard runtime.sequencer.withIntake({ $0.chains[incarnation]?.signer }) == node else {
            throw Problem.badRequest("incarnation: \(incarnation) is no chain of \(node)")
        }
        guard let last = try Self.integer(body, "last_seq") else {
            throw Problem.badRequest("last_seq: the last batch that is trusted, 0 or more")
        }
        let position = ChainPosition(incarnation: incarnation, sequence: last)
        let cutoff = try Self.integer(body, "cutoff")
        guard !key.isRevoked || key.endsEarlier(at: position, cutoff) else {
            throw Problem.conflict("the key of \(node) is revoked already\(key.end): once more it can only end earlier")
        }
        // Whoever has the key could sign up to there for as long as it takes, and a slip of the finger is large.
        let newest = try await newestSequence(of: incarnation)
        guard cutoff != nil || last <= max(0, newest) else {
            throw Problem.badRequest(
                "last_seq: the log has chain \(incarnation) up to seq \(newest); for batches that are still to come, "
                    + "cutoff has to say up to which index of the log they are taken")
        }
        let index = try await append(
            NodeEntry(
                log: runtime.organization.origin, time: clock.now(), action: .revoke, node: node, role: signer.role,
                site: signer.site, key: key.key.text, position: position, cutoffIndex: cutoff, salt: clock.random(16)),
            reason: try Self.reason(body))
        return [
            "node": .string(node), "state": "revoked", "index": .decimalString(index),
            "incarnation": .decimalString(incarnation), "last_seq": .decimalString(last),
            "cutoff": cutoff.map { .decimalString($0) } ?? .null,
        ]
    }

    /// Takes the node out: nothing more is taken of it, under whatever key.
    func retire(_ body: JSONValue) async throws -> JSONValue {
        let signer = try signer()
        guard !signer.isRetired, let key = signer.keys.last else {
            throw Problem.conflict("node \(node) is retired already")
        }
        let index = try await append(
            NodeEntry(
                log: runtime.organization.origin, time: clock.now(), action: .retire, node: node, role: signer.role,
                site: signer.site, key: key.key.text, salt: clock.random(16)),
            reason: try Self.reason(body))
        return ["node": .string(node), "state": "retired", "index": .decimalString(index)]
    }

    private func signer() throws(Problem) -> SignerRegister.Signer {
        guard let signer = runtime.sequencer.withIntake({ $0.signers.signers[node] }) else {
            throw Problem.notFound("there is no node '\(node)'; list them with 'wattest node list'")
        }
        return signer
    }

    private func newestIncarnation(of signer: SignerRegister.Signer) -> Int64 {
        runtime.sequencer.withIntake { intake in
            intake.chains.chains(of: signer.name).map(\.incarnation).max() ?? signer.enrolledAt
        }
    }

    /// -1 before the first batch.
    private func newestSequence(of incarnation: Int64) async throws -> Int64 {
        try await runtime.sequencer.refresh()
        guard let chain = runtime.sequencer.withIntake({ $0.chains[incarnation] }) else { return -1 }
        return try await runtime.sequencer.ends(of: chain)?.last.position.sequence ?? -1
    }

    private func append(_ entry: NodeEntry, reason: String) async throws -> Int64 {
        let value: JSONValue = ["action": .string(entry.action.rawValue)]
        let why = SetEntry(
            log: entry.log, time: entry.time, field: "node.end", subject: node, value: value.rendered(.compact),
            effectiveFrom: nil, effectiveUntil: nil, by: "operator", reason: reason, salt: clock.random(16))
        _ = try await runtime.append(why.text)
        return try await runtime.append(entry.text).index
    }

    private static func reason(_ body: JSONValue) throws(Problem) -> String {
        guard let reason = body["reason"]?.string, !reason.isEmpty, reason.utf8.count <= 500 else {
            throw .badRequest("reason: 1 to 500 bytes that say why")
        }
        return reason
    }

    private static func integer(_ body: JSONValue, _ name: String) throws(Problem) -> Int64? {
        guard let value = body[name], value != .null else { return nil }
        guard let number = value.int64 ?? value.decimalString, number >= 0 else {
            throw .badRequest("\(name): a number, 0 or more")
        }
        return number
    }
}

extension SignerRegister.KeyTerm {
    /// Whether a revocation at this place takes trust from a revoked key, and gives it none.
    fileprivate func endsEarlier(at position: ChainPosition, _ cutoff: Int64?) -> Bool {
        guard let last = lastTrusted, last.incarnation == position.incarnation else { return false }
        let (old, new) = ((last.sequence, cutoffIndex ?? .max), (position.sequence, cutoff ?? .max))
        return new != old && new.0 <= old.0 && new.1 <= old.1
    }

    /// Where a revoked key ends, as part of a sentence.
    fileprivate var end: String {
        guard let lastTrusted else { return "" }
        return " behind seq \(lastTrusted.sequence) of chain \(lastTrusted.incarnation)"
            + (cutoffIndex.map { ", from index \($0) on" } ?? "")
    }

    /// The end of a revoked key, null for one that is not.
    var revocation: JSONValue {
        guard isRevoked, let lastTrusted else { return .null }
        return [
            "incarnation": .decimalString(lastTrusted.incarnation), "last_seq": .decimalString(lastTrusted.sequence),
            "cutoff": cutoffIndex.map { .decimalString($0) } ?? .null,
        ]
    }
}
