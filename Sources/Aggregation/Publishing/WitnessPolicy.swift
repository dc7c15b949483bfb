import Identity
package import TransparencyLog

/// Which witnesses a log asks to cosign, and which of them together make a quorum: a tlog-policy text without its `log`
/// lines.
///
/// Published with the log's keys in front it is the `policy.txt` that an auditor may start from.
package struct WitnessPolicy: Sendable, Hashable {
    package struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// Lines `witness`, `group` and `quorum`, as they are published.
    package let text: String
    package let policy: TrustPolicy

    /// Nobody is asked, nobody is needed.
    package static let none = WitnessPolicy(text: "quorum none\n", policy: .empty)

    private init(text: String, policy: TrustPolicy) {
        self.text = text
        self.policy = policy
    }

    /// - Parameter ownKeys: the log's and the operator's keys. None of them vouches for the operator.
    package init(parsing bytes: [UInt8], ownKeys: [VerifierKey]) throws(Fault) {
        do {
            policy = try TrustPolicy(parsing: bytes)
        } catch {
            throw Fault(description: "witness policy: \(error.reason)")
        }
        guard policy.logs.isEmpty else {
            throw Fault(description: "witness policy: it has a log line; leave it out, the log's own keys are added")
        }
        for witness in policy.witnesses {
            guard !ownKeys.contains(where: { $0.publicKey == witness.key.publicKey }) else {
                throw Fault(
                    description: "witness policy: \(witness.name) is a key of this log's operator and vouches for"
                        + " nothing; name an independent one")
            }
            guard witness.url.map({ $0.hasPrefix("https://") || $0.hasPrefix("http://") }) ?? true else {
                throw Fault(description: "witness policy: the address of \(witness.name) is not https:// or http://")
            }
        }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a policy file, `none` when there is no such file.
    package static func read(_ path: String, ownKeys: [VerifierKey]) throws -> WitnessPolicy? {
        guard let bytes = PrivateFile.exists(path) ? try PrivateFile.read(path) : nil else { return nil }
        do {
            return try WitnessPolicy(parsing: bytes, ownKeys: ownKeys)
        } catch {
            throw Fault(description: "\(path): \(error)")
        }
    }

    /// The policy as auditors get it.
    package func published(logKeys: [VerifierKey]) -> String {
        logKeys.map { "log \($0.text)\n" }.joined() + text
    }

    /// Witnesses that can be asked: those with an address and a key that can be checked here.
    package var asked: [TrustPolicy.Witness] {
        policy.witnesses.filter { $0.url != nil && $0.key.type.isSupported }
    }
}
