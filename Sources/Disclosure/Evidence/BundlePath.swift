package import TransparencyLog

/// What lies where in a bundle. Entries and checkpoint stand as a C2SP tlog-tiles log serves them.
package enum BundlePath: Sendable, Hashable {
    /// The log's newest checkpoint at the time of export, with all its signatures.
    case checkpoint
    case entries(EntryBundle)
    /// Of an entry bundle of which some entries are withheld: the others in their places.
    case disclosed(EntryBundle)
    /// The leaf hashes of those that are withheld.
    case withheld(EntryBundle)
    /// The roots over entries that are withheld in whole bundles.
    case subtrees
    /// The sample blocks that belong to an entry bundle.
    case samples(EntryBundle)
    /// The policy that the operator publishes: the auditor's own one counts.
    case policy
    case disclosure
    /// One record of a job, by pseudonym and SHA-256 in hex.
    case record(pseudonym: String, sha256: String)
    /// One factor file, by SHA-256 in hex.
    case factor(sha256: String)

    package var path: String {
        switch self {
        case .checkpoint: "checkpoint"
        case .entries(let bundle): bundle.path
        case .disclosed(let bundle): "disclosed/" + Self.place(of: bundle)
        case .withheld(let bundle): "withheld/" + Self.place(of: bundle)
        case .subtrees: "subtrees"
        case .samples(let bundle): "samples/" + Self.place(of: bundle)
        case .policy: "policy.txt"
        case .disclosure: "disclosure.json"
        case .record(let pseudonym, let sha256): "records/\(pseudonym)/\(sha256).txt"
        case .factor(let sha256): "factors/\(sha256)"
        }
    }

    private static let entriesPrefix = "tile/entries/"

    private static func place(of bundle: EntryBundle) -> Substring {
        bundle.path.dropFirst(entriesPrefix.utf8.count)
    }

    /// Nil for a path that has no meaning in a bundle.
    package init?(_ path: String) {
        switch path {
        case "checkpoint": self = .checkpoint
        case "policy.txt": self = .policy
        case "disclosure.json": self = .disclosure
        case "subtrees": self = .subtrees
        default:
            guard let found = Self.structured(path), found.path == path else { return nil }
            self = found
        }
    }

    private static func structured(_ path: String) -> BundlePath? {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String($0) ?? ""
        }
        func place() -> EntryBundle? { bundle(entriesPrefix + parts.dropFirst().joined(separator: "/")) }
        switch parts.first {
        case "tile": return bundle(path).map { .entries($0) }
        case "samples": return place().map { .samples($0) }
        case "disclosed": return place().map { .disclosed($0) }
        case "withheld": return place().map { .withheld($0) }
        case "factors" where parts.count == 2: return .factor(sha256: parts[1])
        case "records" where parts.count == 3 && parts[2].hasSuffix(".txt"):
            return .record(pseudonym: parts[1], sha256: String(parts[2].dropLast(4)))
        default: return nil
        }
    }

    private static func bundle(_ path: String) -> EntryBundle? {
        guard case .entries(let bundle) = try? LogResource(parsing: path) else { return nil }
        return bundle
    }
}
