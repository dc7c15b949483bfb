import NodeAgent
import Workloads

/// Whose an account or a namespace is: `accounts` of the configuration file, then the file of `account-map`.
extension Settings {
    func accounts() throws(AgentError) -> AccountMap {
        var map = try structure("accounts").map(Self.accounts) ?? AccountMap()
        if let path = self["account-map"] { map.merge(try Self.accounts(file: path)) }
        return map
    }

    /// `slurm: {ACCOUNT: SLUG}` and `kubernetes: {NAMESPACE: SLUG}`.
    private static func accounts(_ node: SettingNode) throws(AgentError) -> AccountMap {
        var map = AccountMap()
        for (scheduler, accounts) in try node.members(AccountMap.schedulers) {
            for (account, organization) in try accounts.anyMembers() {
                guard map.set(scheduler, account, to: try organization.text()) else {
                    throw organization.error("is not the slug of an organization: 1 to 40 of a-z, 0-9 and -")
                }
            }
        }
        return map
    }

    private static func accounts(file path: String) throws(AgentError) -> AccountMap {
        guard let text = FileTree.text(path, limit: 16 << 20) else {
            throw AgentError(.configuration, "account-map: \(path) cannot be read; give another file")
        }
        do {
            return try AccountMap(parsing: text)
        } catch {
            throw AgentError(.configuration, "account-map: \(path): \(error)")
        }
    }
}
