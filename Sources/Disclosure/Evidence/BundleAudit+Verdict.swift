import Batches
import Energy
import JSONText
import TransparencyLog

/// What follows from the replayed log, and what does not.
extension BundleAudit {
    func judge(
        _ replayed: Replayed, _ manifest: BundleManifest, _ outside: OutsideFiles, _ verdict: PolicyVerdict,
        _ report: inout AuditReport
    ) throws(ReplayFailure) {
        let replay = replayed.replay
        let input = try input(replay, manifest, outside, verdict)
        countRecords(input.accounts, &report)
        let disclosure = try disclosure(input, as: outside.disclosure)
        if manifest.withheldEntries > 0 {
            try compareInPart(disclosure, outside.disclosure, replay, &report)
        } else {
            try compare(disclosure, outside.disclosure, replayed.newestRevision(), &report)
        }
        let (from, to) = (TimeText.rfc3339(manifest.period.start), TimeText.rfc3339(manifest.period.end))
        report.proved.append(
            "\(BundlePath.disclosure.path) is about \(from) to \(to) of \(input.genesis.slug), for the audience"
                + " \(manifest.audience.rawValue)")
        if disclosure.method != .newest {
            report.claimed.append(
                "that \(BundlePath.disclosure.path) is to be made by method \(disclosure.method.version): method"
                    + " \(CalculationMethod.newest.version) has replaced it")
        }
        describe(replay, &report)
        describe(input.accounts.closings, &report)
        describe(input.accounts.corrections, isPartial: manifest.withheldEntries > 0, &report)
        describe(input.accounts.revoked, &report)
        describe(verdict, input.genesis, replay.counts, isPublishedPolicy: outside.policy == policyBytes, &report)
        report.claimed.append("what jobs and models are called, and how they are classed: statements of people")
        report.notCovered.append("whether the sensors told the truth; compare with an independent meter")
        report.notCovered.append(
            "which machine, kernel and agent signed: the log carries no attestation of them, a key speaks for itself")
        report.notCovered.append("nodes that were never enrolled and stand in no allocation list")
    }

    /// What the disclosure is a function of, as replayed.
    func input(
        _ replay: LogReplay, _ manifest: BundleManifest, _ outside: OutsideFiles, _ verdict: PolicyVerdict
    ) throws(ReplayFailure) -> DisclosureInput {
        guard let genesis = replay.signers?.genesis else {
            throw ReplayFailure(.syntax, at: UInt64(0), "the first entry of a log is its genesis entry")
        }
        var accounts = replay.accounts
        try outside.addAllRecords(to: &accounts)
        try outside.checkFactors(accounts.settings)
        return DisclosureInput(
            genesis: genesis, accounts: accounts, checkpoint: verdict.checkpoint.checkpoint, policy: outside.policy,
            period: manifest.period, audience: manifest.audience, factorFiles: outside.factors,
            withheldEntries: manifest.withheldEntries)
    }

    private func countRecords(_ accounts: LogAccounts, _ report: inout AuditReport) {
        let jobs = accounts.jobs.jobs.values
        let erased = jobs.filter { !$0.records.isEmpty && accounts.records[$0.pseudonym] == nil }
        if !erased.isEmpty {
            report.isPartial = true
            let named = erased.map(\.pseudonym).sorted().prefix(Self.maximumNamedJobs).joined(separator: ", ")
            let more = erased.count > Self.maximumNamedJobs ? " …" : ""
            report.notCovered.append(
                "names of \(erased.count) jobs, whose records are erased or withheld: \(named)\(more)")
        }
        report.counts.append(("jobs", Int64(jobs.count)))
        report.counts.append(("records", Int64(accounts.records.count)))
    }

    private static let maximumNamedJobs = 20

    private func compare(
        _ disclosure: Disclosure, _ stated: [UInt8], _ newest: DisclosureComparison.Announced?,
        _ report: inout AuditReport
    ) throws(ReplayFailure) {
        let path = BundlePath.disclosure.path
        guard stated != disclosure.bytes else {
            report.proved.append("every figure of \(path) follows from the entries, byte for byte")
            return
        }
        try checkSize(of: stated, disclosure, at: path)
        guard let value = try? JSONValue(parsing: stated) else {
            throw ReplayFailure(.report, at: path, "it is not JSON")
        }
        let comparison = DisclosureComparison(computed: disclosure.value, stated: value)
        if let failure = comparison.failure(at: path) { throw failure }
        try comparison.checkRevision(at: path, since: newest)
        guard let revision = comparison.revision, revision != DisclosureRevision.current,
            value.rendered(.pretty) == stated
        else { throw ReplayFailure(.report, at: path, "its layout is not what follows from the entries") }
        report.proved.append("every figure of \(path) that its revision \(revision) has follows from the entries")
        comparison.describe(path, &report)
    }

    /// By the method that the stated text names, so that an old report is held to its own.
    func disclosure(_ input: DisclosureInput, as stated: [UInt8]) throws(ReplayFailure) -> Disclosure {
        let newest = Disclosure(input)
        guard stated != newest.bytes else { return newest }
        try checkSize(of: stated, newest, at: BundlePath.disclosure.path)
        guard let version = (try? JSONValue(parsing: stated))?["method"]?["version"]?.string,
            let method = CalculationMethod(version: version), method != newest.method
        else { return newest }
        var older = input
        older.method = method
        return Disclosure(older)
    }

    /// A parsed text takes many times its size: one that is far from what it has to be is not parsed.
    func checkSize(
        of stated: [UInt8], _ disclosure: Disclosure, at path: String
    ) throws(ReplayFailure) {
        let computed = disclosure.bytes.count
        guard stated.count <= 4 * computed + 1 << 20 else {
            throw ReplayFailure(
                .report, at: path, "it is far longer than what follows from the entries",
                expected: "\(computed) bytes", found: "\(stated.count)")
        }
    }

    private func describe(_ replay: LogReplay, _ report: inout AuditReport) {
        let counts = replay.counts
        report.proved.append("\(counts.signatures) entries carry the one signature that their place demands")
        let isWhole = counts.conflicts.isEmpty
        report.proved.append(
            "the batches of \(replay.chains.chains.count) chains tile time and counters without a gap"
                + (isWhole ? " or a fork" : "")
                + (counts.brokenLinks > 0 ? ", but for \(counts.brokenLinks) that follow withheld ones" : ""))
        for conflict in counts.conflicts { describe(conflict, &report) }
        report.proved.append(
            "in \(counts.conservedBatches) batches the postings are exactly the energy of the root sensors")
        if counts.anchors > 0 {
            report.proved.append("\(counts.anchors) anchors of signers lie on this tree: they were shown the same log")
        }
        if counts.checkedSamples > 0 {
            report.proved.append("\(counts.checkedSamples) batches follow from their own readings")
        }
        let withoutSamples = counts.committedSamples - counts.checkedSamples
        if withoutSamples > 0 {
            report.notCovered.append("the readings behind \(withoutSamples) batches, which are not in the bundle")
        }
        describeTimes(counts, &report)
        if counts.claimedTimes > 0 {
            report.claimed.append(
                "time and readings of \(counts.claimedTimes) batches that were imported from recorded logs")
        }
        if counts.resumesFromNowhere > 0 {
            report.notCovered.append(
                "batches before \(counts.resumesFromNowhere) resumed chains, which this log never got")
        }
        if let extracts = counts.entries[.extract], extracts > 0 {
            report.claimed.append(
                "how much others used of shared nodes in \(extracts) extracts: each names the batch of another log "
                    + "from which the node cut it")
        }
        for kind in Entry.Kind.allCases {
            if let count = counts.entries[kind] { report.counts.append(("entries_\(kind)", count)) }
        }
        report.counts.append(("entries", counts.total))
        report.counts.append(("anchors", counts.anchors))
        report.counts.append(("sample_blocks", counts.checkedSamples))
    }

    /// A tree that a batch names was there before the batch was signed: the node cannot have known a future root.
    private func describeTimes(_ counts: ReplayCounts, _ report: inout AuditReport) {
        report.counts.append(("backdated", counts.backdated.count))
        report.counts.append(("set_back", counts.setBack.count))
        if let first = counts.setBack.first {
            report.claimed.append(
                "time of \(counts.setBack.count) entries of the administration: they say that they are up to"
                    + " \(counts.setBack.mostMicroseconds / 1_000_000) s older than one in front of them, first entry"
                    + " \(first)")
        }
        guard let first = counts.backdated.first else { return }
        report.claimed.append(
            "time of \(counts.backdated.count) batches: they end up to"
                + " \(counts.backdated.mostMicroseconds / 1_000_000) s before the tree that they name was there, first"
                + " entry \(first)")
    }

    private func describe(_ conflict: ReplayCounts.Conflict, _ report: inout AuditReport) {
        let (node, place) = (conflict.node, conflict.position)
        let what =
            "\(node) signed two batches for seq \(place.sequence) of its chain \(place.incarnation), which ends there"
        if conflict.isProved {
            report.proved.append("\(what): entry \(conflict.index) carries the second one")
        } else {
            report.claimed.append("\(what): entry \(conflict.index) names the second one and does not carry it")
        }
    }

    /// Reports that the log knows of, made again from the entries that they stand on.
    func describeReports(_ replayed: Replayed, _ survey: LogSurvey, _ report: inout AuditReport) {
        for entry in survey.reports {
            let method = replayed.methods[entry.number].map { $0 == .newest ? "" : " by method \($0.version)" } ?? ""
            let name = "report \(entry.number) for \(entry.audience), made from \(entry.size) entries\(method)"
            guard let revision = replayed.reports[entry.number] else {
                report.notCovered.append(
                    "\(name): it is about another period than this bundle, needs what is withheld, or is older than"
                        + " the newest \(Self.maximumReports)")
                continue
            }
            if let revision {
                let form = revision == DisclosureRevision.current ? "" : " as of its revision \(revision)"
                report.proved.append("\(name), has the digest in the log\(form)")
            } else {
                report.notCovered.append(
                    "\(name): not made again, as a record, factor file, the policy or a text of its revision changed"
                        + " since or the report is false"
                )
            }
        }
    }

    /// Reports of one period for the same readers that are all in force: a restatement says which one it corrects.
    ///
    /// Reports that were made again, each by another method, stand beside each other and do not contradict. Where it is
    /// not known by which method one was made, it is held against all.
    func describeRivals(_ replayed: Replayed, _ report: inout AuditReport) {
        let issues = replayed.replay.accounts.reports.issues
        struct Subject: Hashable {
            var period: UTCInterval
            var audience: String
        }
        let superseded = Set(issues.compactMap(\.entry.supersedes))
        var order: [Subject] = []
        var standing: [Subject: [ReportRegister.Issue]] = [:]
        for issue in issues where !superseded.contains(issue.entry.number) {
            let subject = Subject(period: issue.entry.period, audience: issue.entry.audience)
            if standing[subject] == nil { order.append(subject) }
            standing[subject, default: []].append(issue)
        }
        let rivals = order.filter { subject in
            let all = standing[subject] ?? []
            let known = all.compactMap { replayed.methods[$0.entry.number] }
            let isOneOfEach = known.count == all.count && Set(known).count == all.count
            return !isOneOfEach && Set(all.map(\.entry.sha256)).count > 1
        }
        guard !rivals.isEmpty else { return }
        report.count("rival_reports", Int64(rivals.reduce(0) { $0 + (standing[$1]?.count ?? 0) }))
        for subject in rivals.suffix(Self.maximumRivals) {
            let all = standing[subject] ?? []
            let named = all.suffix(Self.maximumRivals).map { "\($0.entry.number) (entry \($0.index))" }
            let rest = all.count > named.count ? "\(all.count - named.count) earlier ones, " : ""
            report.notCovered.append(
                "which report for \(subject.audience) of \(TimeText.rfc3339(subject.period.start)) to"
                    + " \(TimeText.rfc3339(subject.period.end)) stands: \(rest)\(named.joined(separator: ", ")) are"
                    + " different, and none says that it supersedes another of them")
        }
    }

    /// Periods, and reports of each, that are named one by one.
    private static let maximumRivals = 20

    /// A cosigner of the operator's own vouches for nothing that the operator could not have said alone.
    private func describe(
        _ verdict: PolicyVerdict, _ genesis: GenesisEntry, _ counts: ReplayCounts, isPublishedPolicy: Bool,
        _ report: inout AuditReport
    ) {
        let independent = verdict.witnesses.filter { $0.time != nil && $0.witness.key.text != genesis.selfWitnessKey }
        report.counts.append(("witnesses", Int64(independent.count)))
        describePostdated(verdict, genesis, counts, &report)
        if independent.isEmpty {
            report.claimed.append("time: by the operator alone, no independent witness cosigned")
            report.notCovered.append("whether others were shown another log: no independent witness cosigned this one")
        } else {
            let names = independent.map(\.witness.name.description).joined(separator: ", ")
            report.proved.append("\(independent.count) independent witnesses cosigned this tree: \(names)")
            if let time = verdict.quorumTime {
                report.proved.append("all entries existed at \(time) (POSIX seconds), as a quorum of witnesses says")
            }
        }
        if !isPublishedPolicy {
            report.notCovered.append("the policy in the bundle is not yours; yours was used")
        }
    }

    /// Whatever the checkpoint covers was there when it was cosigned.
    private func describePostdated(
        _ verdict: PolicyVerdict, _ genesis: GenesisEntry, _ counts: ReplayCounts, _ report: inout AuditReport
    ) {
        let times = verdict.witnesses.compactMap(\.time) + [operatorTime(verdict, genesis)].compactMap(\.self)
        guard let seconds = times.min(), let latest = counts.latestEnd,
            case let ahead = latest.time.microseconds / 1_000_000 &- Int64(clamping: seconds),
            ahead > Self.toleranceSeconds
        else { return }
        report.counts.append(("postdated_seconds", ahead))
        report.claimed.append(
            "time of entry \(latest.index): what it states lies \(ahead) s after it was cosigned in the log")
    }

    /// When the operator's own cosigner signed the checkpoint. Dating that back costs the operator its own batches.
    private func operatorTime(_ verdict: PolicyVerdict, _ genesis: GenesisEntry) -> UInt64? {
        guard let key = try? VerifierKey(parsing: genesis.selfWitnessKey),
            let bytes = try? source.bytes(of: BundlePath.checkpoint.path),
            let signed = try? SignedCheckpoint(parsing: bytes)
        else { return nil }
        let origin = verdict.checkpoint.checkpoint.origin
        let verified = try? signed.verify(origin: origin, log: verdict.checkpoint.log, witnesses: [key])
        return verified?.cosignatures.map(\.time).min()
    }

    /// Clocks of a node and of a witness may differ by this without being called wrong.
    private static let toleranceSeconds: Int64 = 5
}
