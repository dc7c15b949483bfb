import Disclosure
package import Energy
import JSONText
package import Wire

/// The signed setting `account.map`: which account or namespace is which organization's. Agents get it with each
/// checkpoint and use it for the jobs that they name from then on.
enum AccountMapField {
    /// It travels with every checkpoint.
    private static let maximumAccounts = 2000

    /// Why a value is none, nil when it is one.
    static func fault(in value: JSONValue) -> String? {
        guard let schedulers = value.object?.members else { return "expected {\"slurm\": {ACCOUNT: ORGANIZATION}}" }
        var count = 0
        for scheduler in schedulers {
            guard ["slurm", "kubernetes"].contains(scheduler.name), let accounts = scheduler.value.object?.members
            else { return "\(scheduler.name): expected `slurm` or `kubernetes` with an object of accounts" }
            for account in accounts where account.name.isEmpty || !LogNaming.isSlug(account.value.string ?? "") {
                return "\(scheduler.name).\(account.name): expected the slug of an organization"
            }
            count += accounts.count
        }
        return count <= maximumAccounts ? nil : "at most \(maximumAccounts) accounts"
    }
}

extension LogRuntime {
    /// Whose accounts are whose at a time, as the log says.
    package func accountMap(at time: UTCTime) -> AccountMapSetting? {
        sequencer.withIntake { $0.accountMaps.setting(SettingField.accountMap, of: nil, at: time) }.map {
            AccountMapSetting(value: $0.value, index: $0.index)
        }
    }
}
