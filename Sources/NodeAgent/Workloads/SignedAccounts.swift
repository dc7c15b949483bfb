import JSONText
import Synchronization
package import Wire
package import Workloads

/// Whose accounts are whose: the node's own configuration, and beneath it what the home log's signed setting
/// `account.map` says. Where both name an account, the node's own word holds.
///
/// It comes from the aggregator over mutual TLS; the entry stands in the log, and each job's record names its index.
package final class SignedAccounts: Sendable {
    private let own: AccountMap
    private let path: String
    private let state = Mutex<(setting: AccountMapSetting?, map: AccountMap)>((nil, AccountMap()))

    /// - Parameter path: where the newest setting is kept for a start without an aggregator.
    package init(own: AccountMap, path: String) {
        self.own = own
        self.path = path
        state.withLock { $0.map = own }
        guard let bytes = try? DurableFile.read(path, maximumBytes: 1 << 20), let json = try? JSONValue(parsing: bytes),
            let index = json["index"]?.decimalString, let value = json["value"]
        else { return }
        _ = use(AccountMapSetting(value: value.rendered(), index: UInt64(clamping: index)))
    }

    package var map: AccountMap { state.withLock { $0.map } }

    /// Takes the setting that the log shows now.
    ///
    /// - Returns: a line for people, nil when nothing is new.
    package func take(_ setting: AccountMapSetting) -> String? {
        guard state.withLock({ $0.setting != setting }) else { return nil }
        guard use(setting) else {
            return "account.map of entry \(setting.index) is no map of accounts; the one before it holds"
        }
        var kept = JSONObject()
        kept.append("index", .decimalString(setting.index))
        kept.append("value", (try? JSONValue(parsing: setting.value)) ?? .null)
        do {
            try DurableFile.replace(path, with: JSONValue.object(kept).rendered())
        } catch {
            return "account.map of entry \(setting.index) is used and could not be kept: \(error)"
        }
        return "accounts are mapped as entry \(setting.index) of the log says"
    }

    private func use(_ setting: AccountMapSetting) -> Bool {
        var map = AccountMap()
        guard let schedulers = (try? JSONValue(parsing: setting.value))?.object else { return false }
        for scheduler in schedulers.members {
            for account in scheduler.value.object?.members ?? [] {
                guard let slug = account.value.string, map.set(scheduler.name, account.name, to: slug) else {
                    return false
                }
            }
        }
        map.settingIndex = setting.index
        map.merge(own)
        state.withLock { $0 = (setting, map) }
        return true
    }
}

extension Workload {
    /// Its record says by which signed setting its organization was told.
    func named(by accounts: AccountMap) -> Workload {
        guard let index = accounts.settingIndex else { return self }
        var workload = self
        workload.labels["account.map"] = "entry \(index)"
        return workload
    }
}
