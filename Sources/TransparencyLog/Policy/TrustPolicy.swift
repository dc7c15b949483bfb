/// Which logs are accepted, which witnesses are known, and how many of them must have cosigned (C2SP tlog-policy).
///
/// It comes from the verifier, never from whoever wants to be verified.
package struct TrustPolicy: Sendable, Hashable {
    package struct Log: Sendable, Hashable {
        package let key: VerifierKey
        package let url: String?
    }

    package struct Witness: Sendable, Hashable {
        package let name: PolicyName
        package let key: VerifierKey
        package let url: String?
    }

    package struct Group: Sendable, Hashable {
        package let name: PolicyName
        /// How many members must have witnessed.
        package let threshold: Int
        package let members: [PolicyName]
    }

    package let logs: [Log]
    package let witnesses: [Witness]
    /// Members are witnesses or earlier groups, so going through them once in order decides all.
    package let groups: [Group]
    /// The witness or group that must have witnessed; nil for `none`.
    package let quorum: PolicyName?

    /// No log is trusted, no witness asked for.
    package static let empty = TrustPolicy(logs: [], witnesses: [], groups: [], quorum: nil)

    /// The same policy with another key for one of its logs.
    package func replacing(_ old: VerifierKey, by new: VerifierKey) -> TrustPolicy {
        TrustPolicy(
            logs: logs.map { $0.key == old ? Log(key: new, url: $0.url) : $0 }, witnesses: witnesses, groups: groups,
            quorum: quorum)
    }

    /// Whether the quorum is reached when exactly these witnesses cosigned.
    package func isQuorum(_ cosigners: Set<PolicyName>) -> Bool {
        guard let quorum else { return true }
        var witnessed = cosigners
        for group in groups where group.members.count(where: { witnessed.contains($0) }) >= group.threshold {
            witnessed.insert(group.name)
        }
        return witnessed.contains(quorum)
    }
}

/// The name of a witness or group inside a policy: bytes without meaning elsewhere, compared as bytes.
package struct PolicyName: Sendable, Hashable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(_ name: String) { bytes = Array(name.utf8) }
    init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

    package var description: String { String(decoding: bytes, as: UTF8.self) }
}
