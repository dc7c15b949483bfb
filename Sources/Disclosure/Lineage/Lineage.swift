import Accounts
import Batches
import Emissions
import Energy
package import JSONText
import TransparencyLog

/// The way back from the figures of a job or a node: its node-hours, the entries behind each, and what the energy was
/// multiplied by. All sums of one account in one hour on one node stand in one line, so the lines add up to the
/// report's figures.
package struct Lineage {
    private let input: DisclosureInput
    private let trail: LineageTrail
    private let settings: SiteSettings
    private let factors: FactorSet?

    /// - Parameter input: of the same replay and period as the trail.
    package init(_ input: DisclosureInput, trail: LineageTrail) {
        self.input = input
        self.trail = trail
        settings = SiteSettings(settings: input.accounts.settings, period: input.period)
        let list = input.accounts.settings.json(SettingField.factorSet, of: nil, at: input.closingTime)
        factors =
            if let list { try? FactorSet.listed(list, files: input.factorFiles) } else { try? FactorSet.standard() }
    }

    package var json: JSONValue {
        let lines = trail.parts.sorted { order($0.key) < order($1.key) }
        var total: Int128 = 0
        for (_, parts) in lines { for part in parts { total += part.energy.total } }
        return [
            "period": ["start": TimeText.json(input.period.start), "end": TimeText.json(input.period.end)],
            "job": name(of: trail.query.job), "node": .text(trail.query.node),
            "log": .string(input.checkpoint.origin), "size": .decimalString(input.checkpoint.size),
            "root": .string(input.checkpoint.root.base64), "rule": .string(input.rule.name),
            "energy_uj": .decimalString(total), "is_cut": .bool(trail.isCut),
            "node_hours": .array(lines.map { line($0.key, $0.value) }),
            "entries": .array(trail.sources.sorted { $0.key < $1.key }.map { source($0.key, $0.value) }),
        ]
    }

    private func order(_ key: Ledger.Key) -> (Int64, String, String, String) {
        (key.hour, key.node, key.account.key, key.provenance.rawValue + key.boundary.name)
    }

    private func name(of job: String?) -> JSONValue {
        guard let job else { return .null }
        return .string(input.accounts.records[job]?.key.description ?? job)
    }

    private func line(_ key: Ledger.Key, _ parts: [LineageTrail.Part]) -> JSONValue {
        var sum = ComponentEnergy()
        for part in parts { sum.add(part.energy) }
        let site = settings.site(of: key.node, enrolled: input.accounts.nodes.site(of: key.node), hour: key.hour)
        let zone = site.flatMap { settings.zone(of: $0, hour: key.hour) }
        let use = site.flatMap { try? settings.schedule(of: $0) }?.entry(hour: key.hour)
        return [
            "hour": TimeText.json(UTCTime(hour: key.hour)), "node": .string(key.node),
            "account": .string(account(key.account)), "job": name(of: key.account.job),
            "provenance": .string(key.provenance.rawValue), "boundary": .string(key.boundary.name),
            "energy_uj": .decimalString(sum.total),
            "by_component": EnergyBreakdown.json(
                Component.allCases.map { ($0.name, sum[$0] == 0 ? nil : sum[$0]) }),
            "site": .text(site), "zone": .text(zone),
            "pue": use.flatMap { JSONNumber(text: $0.value.text) }.map { .number($0) } ?? .null,
            "factor": zone.map { factor($0, key.hour) } ?? .null,
            "entries": .array(
                parts.map { ["index": .decimalString($0.entry), "energy_uj": .decimalString($0.energy.total)] }),
        ]
    }

    private func account(_ account: Account) -> String {
        switch account {
        case .job: "job"
        case .idleReserved: "idle_reserved"
        default: account.key
        }
    }

    private func factor(_ zone: String, _ hour: Int64) -> JSONValue {
        guard let factors, let match = factors.factor(zone: zone, hour: hour).match else { return .null }
        let file = factors.files[match.file]
        return [
            "g_per_kwh": JSONNumber(text: match.factor.gramsPerKilowattHour.text).map { .number($0) } ?? .null,
            "zone": .string(match.factor.zone), "resolution": .string(match.resolution.rawValue),
            "years_earlier": .integer(match.yearsEarlier), "provider": .string(file.source.provider),
            "version": .string(file.source.version), "sha256": .string(file.source.fileSHA256),
        ]
    }

    private func source(_ index: UInt64, _ source: LineageTrail.Source) -> JSONValue {
        [
            "index": .decimalString(index), "kind": .string(source.kind), "leaf": .string(source.leaf.base64),
            "signer": .string(source.signer), "incarnation": source.incarnation.map { .decimalString($0) } ?? .null,
            "seq": source.sequence.map { .decimalString($0) } ?? .null,
            "start": TimeText.json(source.interval?.start), "end": TimeText.json(source.interval?.end),
            "samples_sha256": .text(source.samplesSHA256.map { Hexadecimal.encode($0) }),
        ]
    }
}
