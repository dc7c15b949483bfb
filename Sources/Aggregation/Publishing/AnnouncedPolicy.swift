import Batches
import Disclosure
import JSONText
import Store

extension LogRuntime {
    /// Has the log know the policy that is published now, before a report names it: whoever checks the report after the
    /// witnesses have changed finds there what it was made under.
    ///
    /// To be used in the turn of issuing.
    ///
    /// - Returns: the policy.
    func announcePolicy(_ clock: ServiceClock) async throws -> [UInt8] {
        let policy = Array(self.policy.utf8)
        let prefix = try await AccountsReader(self).read()
        let value = JSONValue.string(String(decoding: policy, as: UTF8.self)).rendered(.compact)
        guard prefix.accounts.settings.policy(of: prefix.genesis) != policy, value.count <= SetEntry.maximumValueBytes
        else { return policy }
        let entry = SetEntry(
            log: organization.origin, time: clock.now(), field: SettingField.logPolicy, subject: nil, value: value,
            effectiveFrom: nil, effectiveUntil: nil, by: "aggregator", reason: nil, salt: clock.random(16))
        _ = try await append(entry.text)
        return policy
    }
}
