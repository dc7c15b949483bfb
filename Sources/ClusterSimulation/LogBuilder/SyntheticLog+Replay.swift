import Batches
package import Disclosure
package import Energy
import TransparencyLog

extension SyntheticLog {
    /// Replays entries as an audit does, without a bundle around them.
    package static func replay(
        _ entries: [[UInt8]], origin: String, samples: [UInt64: [UInt8]] = [:], period: UTCInterval? = nil
    ) throws -> LogReplay {
        var survey = LogSurvey()
        for bytes in entries { try survey.append(bytes[...]) }
        var replay = LogReplay(origin: origin, survey: survey, period: period)
        for (index, bytes) in entries.enumerated() {
            let checked = try CheckedEntry(
                index: UInt64(index), bytes: bytes, samples: samples[UInt64(index)], keys: replay.signers)
            try replay.append(checked)
        }
        return replay
    }

    package func replay(period: UTCInterval? = nil) throws -> LogReplay {
        try Self.replay(entries, origin: origin, samples: samples, period: period)
    }

    package func accounts(period: UTCInterval? = nil) throws -> LogAccounts {
        var accounts = try replay(period: period).accounts
        for (pseudonym, bytes) in records { accounts.add(record: bytes, of: pseudonym) }
        return accounts
    }

    package func disclosureInput(
        _ period: UTCInterval, audience: Audience = .assurer
    ) throws -> DisclosureInput {
        DisclosureInput(
            genesis: genesis, accounts: try accounts(period: period),
            checkpoint: try Checkpoint(origin: origin, head: head),
            policy: policy, period: period, audience: audience)
    }
}
