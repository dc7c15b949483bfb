/// What a policy finds in a checkpoint: who vouches for it, and for when.
package struct PolicyVerdict: Sendable, Hashable {
    package struct WitnessResult: Sendable, Hashable {
        package let witness: TrustPolicy.Witness
        /// POSIX seconds of its earliest cosignature of this checkpoint; nil when it did not cosign, or with a kind of
        /// key that cannot be checked here.
        package let time: UInt64?
    }

    package let checkpoint: VerifiedCheckpoint
    /// Every witness of the policy, in its order.
    package let witnesses: [WitnessResult]
    package let isQuorumReached: Bool
    /// The moment by which a quorum had cosigned, POSIX seconds. The entries below the size existed by then, unless so
    /// many witnesses lie that their number would be a quorum. Nil without a quorum, and for `quorum none`.
    package let quorumTime: UInt64?

    /// Times of the first and the last of the witnesses that cosigned.
    package var earliestTime: UInt64? { witnesses.compactMap(\.time).min() }
    package var latestTime: UInt64? { witnesses.compactMap(\.time).max() }
    package var cosignerCount: Int { witnesses.count { $0.time != nil } }

    fileprivate init(policy: TrustPolicy, checkpoint: VerifiedCheckpoint) {
        self.checkpoint = checkpoint
        let witnesses = policy.witnesses.map { witness in
            let times = checkpoint.cosignatures.filter { $0.key == witness.key }.map(\.time)
            return WitnessResult(witness: witness, time: times.min())
        }
        self.witnesses = witnesses
        isQuorumReached = policy.isQuorum(Set(witnesses.filter { $0.time != nil }.map(\.witness.name)))
        quorumTime = policy.quorum == nil ? nil : Self.quorumTime(policy: policy, witnesses: witnesses)
    }

    private static func quorumTime(policy: TrustPolicy, witnesses: [WitnessResult]) -> UInt64? {
        let times = Set(witnesses.compactMap(\.time)).sorted()
        return times.first { time in
            policy.isQuorum(Set(witnesses.filter { $0.time.map { $0 <= time } ?? false }.map(\.witness.name)))
        }
    }
}

extension TrustPolicy {
    /// Checks the log's signature and every cosignature of a known witness, and counts them.
    ///
    /// - Throws: `unsigned` when no log of the policy with this origin signed, `bad_signature`, `bad_checkpoint`. A
    ///   quorum that is not reached is a finding, not an error; see `verify`.
    package func evaluate(_ signed: SignedCheckpoint) throws(TransparencyLogError) -> PolicyVerdict {
        let origin = signed.checkpoint.origin
        let known = logs.filter { $0.key.type.isSupported && $0.key.name.isIdentical(to: origin) }
        guard let log = known.first(where: { key in signed.note.signatures.contains { key.key.matches($0) } }) else {
            throw TransparencyLogError(.unsigned, "no log of the policy signed the checkpoint of \(Quoted(origin))")
        }
        let verified = try signed.verify(origin: origin, log: log.key, witnesses: witnesses.map(\.key))
        return PolicyVerdict(policy: self, checkpoint: verified)
    }

    /// - Throws: also `no_quorum`, naming the witnesses that are missing.
    package func verify(_ signed: SignedCheckpoint) throws(TransparencyLogError) -> PolicyVerdict {
        let verdict = try evaluate(signed)
        guard verdict.isQuorumReached else {
            let missing = verdict.witnesses.filter { $0.time == nil }.map { $0.witness.name.description }
            throw TransparencyLogError(
                .noQuorum,
                "\(verdict.cosignerCount) of \(verdict.witnesses.count) witnesses cosigned, not a quorum; "
                    + "missing: \(Quoted(missing.joined(separator: ", ")))")
        }
        return verdict
    }
}
