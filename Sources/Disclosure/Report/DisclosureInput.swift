package import Accounts
package import Batches
package import Energy
import JSONText
package import TransparencyLog

/// Everything that a disclosure is a function of: the log prefix as accounts, the rule, the method, factor
/// files, period and audience.
///
/// Two inputs that are equal give the same bytes. Nothing in it depends on when or where the report is made.
package struct DisclosureInput: Sendable {
    package var genesis: GenesisEntry
    package var accounts: LogAccounts
    /// The log prefix [0, size) that the accounts were made from, as its log states it.
    package var checkpoint: Checkpoint
    /// The policy file that the operator publishes. Only its digest and its quorum are read.
    package var policy: [UInt8]
    /// Whole UTC hours.
    package var period: UTCInterval
    package var audience: Audience
    package var rule: AttributionRule
    package var method: CalculationMethod
    /// Bytes of the factor files that the settings name, by lower-case hex SHA-256.
    package var factorFiles: [String: [UInt8]]
    /// Entries of the prefix that an evidence bundle for this audience withholds.
    package var withheldEntries: Int64

    package init(
        genesis: GenesisEntry, accounts: LogAccounts, checkpoint: Checkpoint, policy: [UInt8], period: UTCInterval,
        audience: Audience, rule: AttributionRule = .attribution1, method: CalculationMethod = .newest,
        factorFiles: [String: [UInt8]] = [:], withheldEntries: Int64 = 0
    ) {
        self.genesis = genesis
        self.accounts = accounts
        self.checkpoint = checkpoint
        self.policy = policy
        self.period = period
        self.audience = audience
        self.rule = rule
        self.method = method
        self.factorFiles = factorFiles
        self.withheldEntries = withheldEntries
    }

    /// The last instant of the period: the settings that stand then describe the organization.
    var closingTime: UTCTime { UTCTime(microseconds: period.end.microseconds - 1) }

    /// When what is set about a site or a node counts for an hour.
    func time(ofHour hour: Int64) -> UTCTime { method == .method1 ? closingTime : UTCTime(hour: hour) }

    func text(_ field: String, of subject: String? = nil) -> String? {
        accounts.settings.json(field, of: subject, at: closingTime)?.string
    }
}
