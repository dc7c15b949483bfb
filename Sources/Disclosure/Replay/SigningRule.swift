package import Batches
package import TransparencyLog

/// Which key must have signed an entry at its place in a log.
///
/// Intake and audit call the same function: whatever one takes, the other accepts.
package enum SigningRule {
    /// - Parameters:
    ///   - signer: the key name of the entry's only signature.
    ///   - index: log index that the entry has or would get.
    package static func key(
        for entry: Entry, signer: String, at index: UInt64, signers: SignerRegister, chains: ChainRegister
    ) -> Result<VerifierKey, Refusal> {
        let place = Int64(clamping: index)
        switch entry {
        case .genesis, .set, .close, .conflict, .correct, .report: return .success(signers.administrationKey)
        case .logKey: return .success(signers.logKey)
        case .node(let node):
            guard node.action == .rotate else { return .success(signers.administrationKey) }
            return signers.key(ofRotation: node, index: place)
        // By the key of now, not of the place that it names: an old key opens no new chain.
        case .resume(let resume): return signers.key(of: resume.node, at: nil, index: place)
        case .imported(let imported):
            guard let known = signers.signers[signer] else { return unknown(signer) }
            guard known.role == .importer || known.name == imported.node else {
                return .failure(
                    Refusal(
                        .unknownNode, "node \(signer) imports a log of \(imported.node); only importers may do that"))
            }
            return signers.key(of: signer, at: nil, index: place)
        case .job(let job):
            guard job.by == signer else {
                return .failure(Refusal(.badSignature, "the entry is by \(job.by) and signed by \(signer)"))
            }
            if signer == signers.administrationKey.name { return .success(signers.administrationKey) }
            return signers.key(of: signer, at: nil, index: place)
        case .batch(let batch):
            guard let chain = chains[batch.position.incarnation] else {
                return .failure(Refusal(.chainGap, "chain \(batch.position.incarnation) was never opened"))
            }
            return signers.key(of: chain.signer, at: batch.position, index: place)
        }
    }

    private static func unknown(_ signer: String) -> Result<VerifierKey, Refusal> {
        .failure(Refusal(.unknownNode, "\(signer) is not enrolled in this log; enroll it first"))
    }
}
