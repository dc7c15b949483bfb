/// To which organization an account of a scheduler or a namespace of a cluster belongs.
///
/// A file of lines `slurm ACCOUNT ORGANIZATION` and `kubernetes NAMESPACE ORGANIZATION`; `#` begins a comment. Slurm
/// folds accounts to lower case, so they are compared folded.
package struct AccountMap: Sendable, Hashable {
    private var organizations: [Place: String] = [:]
    /// Log index of the signed setting that it comes from, in part or whole; nil for the operator's own file alone.
    package var settingIndex: UInt64?

    private struct Place: Sendable, Hashable {
        var scheduler: String
        var account: String
    }

    package init() {}

    package init(parsing text: String) throws(AccountMapError) {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard !words.isEmpty else { continue }
            guard words.count == 3, set(words[0], words[1], to: words[2]) else {
                throw AccountMapError(line: number + 1)
            }
        }
    }

    /// Says whose an account of `slurm` or a namespace of `kubernetes` is; the later word on one holds.
    ///
    /// - Returns: false when the scheduler is another one, or the organization is no slug.
    package mutating func set(_ scheduler: String, _ account: String, to organization: String) -> Bool {
        guard Self.schedulers.contains(scheduler), !account.isEmpty, Self.isSlug(organization) else { return false }
        organizations[Place(scheduler: scheduler, account: account.lowercased())] = organization
        return true
    }

    /// What both maps say, the other one's word where they differ.
    package mutating func merge(_ other: AccountMap) {
        organizations.merge(other.organizations) { $1 }
        settingIndex = other.settingIndex ?? settingIndex
    }

    package static let schedulers = ["slurm", "kubernetes"]

    package func organization(_ scheduler: String, _ account: String) -> String? {
        organizations[Place(scheduler: scheduler, account: account.lowercased())]
    }

    private static func isSlug(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }
}

package struct AccountMapError: Error, Sendable, Hashable, CustomStringConvertible {
    package let line: Int

    package var description: String {
        "line \(line): expected `slurm ACCOUNT ORGANIZATION` or `kubernetes NAMESPACE ORGANIZATION`, the last a slug"
    }
}
