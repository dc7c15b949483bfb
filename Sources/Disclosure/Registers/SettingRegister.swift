package import Batches
package import Energy
package import JSONText

/// The configured inputs that reports read. For one field and subject the highest index wins, from its effective time
/// on.
package struct SettingRegister: Sendable, Hashable, Codable {
    package struct Setting: Sendable, Hashable, Codable {
        package var index: UInt64
        package var field: String
        package var subject: String?
        package var value: [UInt8]
        package var effectiveFrom: UTCTime?
        package var effectiveUntil: UTCTime?
        package var by: String
        package var reason: String?
        package var time: UTCTime
        /// The value as JSON, nil when it is none. Parsed once: a report asks for it at every job and node.
        package let json: JSONValue?

        package init(_ entry: SetEntry, at index: UInt64) {
            self.index = index
            field = entry.field
            subject = entry.subject
            value = entry.value
            effectiveFrom = entry.effectiveFrom
            effectiveUntil = entry.effectiveUntil
            by = entry.by
            reason = entry.reason
            time = entry.time
            json = try? JSONValue(parsing: entry.value)
        }

        private enum CodingKeys: CodingKey {
            case index, field, subject, value, effectiveFrom, effectiveUntil, by, reason, time
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            index = try container.decode(UInt64.self, forKey: .index)
            field = try container.decode(String.self, forKey: .field)
            subject = try container.decodeIfPresent(String.self, forKey: .subject)
            value = try container.decode([UInt8].self, forKey: .value)
            effectiveFrom = try container.decodeIfPresent(UTCTime.self, forKey: .effectiveFrom)
            effectiveUntil = try container.decodeIfPresent(UTCTime.self, forKey: .effectiveUntil)
            by = try container.decode(String.self, forKey: .by)
            reason = try container.decodeIfPresent(String.self, forKey: .reason)
            time = try container.decode(UTCTime.self, forKey: .time)
            json = try? JSONValue(parsing: value)
        }

        func isEffective(at time: UTCTime) -> Bool {
            effectiveFrom.map { $0 <= time } ?? true && effectiveUntil.map { time < $0 } ?? true
        }
    }

    /// What is set about whom.
    package struct Name: Sendable, Hashable, Codable {
        package var field: String
        package var subject: String?

        package init(_ field: String, _ subject: String?) {
            self.field = field
            self.subject = subject
        }
    }

    private var settings: [Name: [Setting]] = [:]

    package init() {}

    package mutating func apply(_ entry: SetEntry, at index: UInt64) {
        // Nobody reads it: its time alone counts, and there may be one a minute.
        guard entry.field != SettingField.logTime else { return }
        settings[Name(entry.field, entry.subject), default: []].append(Setting(entry, at: index))
    }

    /// The setting that stands at a time.
    package func setting(_ field: String, of subject: String?, at time: UTCTime) -> Setting? {
        guard let all = settings[Name(field, subject)] else { return nil }
        // They stand in the order of the log.
        return all.last { $0.isEffective(at: time) }
    }

    package func json(_ field: String, of subject: String?, at time: UTCTime) -> JSONValue? {
        setting(field, of: subject, at: time)?.json
    }

    /// Every time inside a period at which a setting begins or ends, so that hours before and after can differ.
    package func changes(of field: String, subject: String?) -> [UTCTime] {
        settings[Name(field, subject), default: []].flatMap {
            [$0.effectiveFrom, $0.effectiveUntil].compactMap(\.self)
        }
    }

    package func subjects(of field: String) -> [String] {
        settings.keys.filter { $0.field == field }.compactMap(\.subject).sorted()
    }

    /// Fields that were ever set, about whomever.
    package var fields: Set<String> { Set(settings.keys.lazy.map(\.field)) }

    /// Everything that was ever set for a field about one subject, in the order of the log.
    package func every(_ field: String, of subject: String?) -> [Setting] {
        settings[Name(field, subject), default: []]
    }

    /// Everything that was ever set for a field, about whomever.
    package func every(_ field: String) -> [Setting] {
        settings.filter { $0.key.field == field }.flatMap(\.value).sorted { $0.index < $1.index }
    }

    /// Everything that was ever set, in the order of the log.
    package var all: [Setting] { settings.values.flatMap(\.self).sorted { $0.index < $1.index } }

    package var count: Int { settings.values.reduce(0) { $0 + $1.count } }
}

extension SettingRegister {
    /// The policy that the operator publishes, as the log knows it: at first that of a log without witnesses.
    package func policy(of genesis: GenesisEntry) -> [UInt8] { policies(of: genesis).last ?? [] }

    /// Every one that the log has known, in its order.
    package func policies(of genesis: GenesisEntry) -> [[UInt8]] {
        let named = every(SettingField.logPolicy).compactMap { $0.json?.string }
        return (["log \(genesis.logKey)\nquorum none\n"] + named).map { Array($0.utf8) }
    }
}

/// The fields of `set` entries that a report reads.
package enum SettingField {
    /// JSON string: legal entity identifier.
    package static let legalEntityIdentifier = "organization.lei"
    /// JSON string: the display name, where it differs from the genesis entry's.
    package static let organizationName = "organization.name"
    /// JSON string: how the figures arise, in the organization's own words.
    package static let methodText = "report.method"
    /// JSON string; subject: site. Grid zone such as `DE` or `DK-DK1`.
    package static let siteZone = "site.zone"
    /// JSON number, or object {value, source, period}; subject: site.
    package static let sitePUE = "site.pue"
    /// JSON string: final, development, failed, evaluation …; subject: pseudonym of the job.
    package static let jobClass = "job.class"
    /// JSON string: the model that the job trains; subject: pseudonym of the job.
    package static let jobModel = "job.model"
    /// JSON string: what the job does in the model's life: pre-training, fine-tuning, evaluation …; subject: pseudonym.
    package static let jobActivity = "job.activity"
    /// JSON string: the run that the job is part of, where it is not the model's; subject: pseudonym of the job.
    package static let jobRun = "job.run"
    /// JSON string: the site of a node that moved; subject: node.
    package static let nodeSite = "node.site"
    /// JSON string, where certificates are deliverable; subject: site. The zone unless it is set.
    package static let siteMarket = "site.market"
    /// JSON array of {sha256, format, scope, provider, dataset, version, licence, citation, retrieved_at}: the factor
    /// files of a report, in order of preference. Formats: wattest, electricity-maps, egrid, ember.
    package static let factorSet = "factor.set"
    /// The same, for energy that no instrument covers; zones of its files are markets.
    package static let residualMix = "factor.residual"
    /// JSON object {kind, certificate_ids, market, start, end, mwh, retired_for, g_per_kwh, document_sha256}; subject:
    /// id.
    package static let instrument = "contract.instrument"
    /// JSON object {site, start, end, mwh, kind, source}; subject: the meter. What a meter or a bill says of whole
    /// hours.
    package static let siteMeter = "site.meter"
    /// JSON number, litres per kWh of IT energy, or object {on_site, off_site, source}: off-site for each kWh drawn;
    /// subject: site.
    package static let siteWater = "site.wue"
    /// JSON object {kg_per_server, kg_per_device, devices, boundary, source, lifetime_years, utilisation}; subject:
    /// site, for each of its nodes. Boundary: cradle-to-gate or cradle-to-grave.
    package static let siteEmbodied = "site.embodied"
    /// The same for one node; subject: node.
    package static let nodeEmbodied = "node.embodied"
    /// JSON object {model, count, watts}: the accelerators of a node, with watts where the model's name does not tell;
    /// subject: node, or none for all nodes.
    package static let nodeAccelerators = "node.accelerators"
    /// JSON number of watts, or object {watts, source}: what a node draws at most; subject: node, or none for all
    /// nodes.
    package static let nodeNameplate = "node.nameplate"
    /// JSON object {relative_limit, source}: accuracy class of the meters at a boundary (`facility`, `node-ac` …);
    /// subject: boundary.
    package static let meterClass = "meter.class"
    /// JSON object {parameters, tokens} or {flop, method} or {utilisation, kind, peak_flop_per_s}, figures as decimal
    /// text; subject: model.
    package static let modelCompute = "model.compute"
    /// JSON object {slurm: {account: slug}, kubernetes: {namespace: slug}}: whose jobs are whose. Agents name jobs by
    /// it.
    package static let accountMap = "account.map"
    /// JSON string: the text of the policy that reports name from here on. The aggregator sets it, before it issues a
    /// report under another one than the log knows.
    package static let logPolicy = "log.policy"
    /// JSON object {flop, task, hardware}: the benchmarked computation of inference; subject: model.
    package static let modelInference = "model.inference"
    /// JSON null: the aggregator tells the log the time, because a node's clock contradicts its own. Nobody sets it.
    package static let logTime = "log.time"

    /// Every field that a report reads.
    package static let known = [
        legalEntityIdentifier, organizationName, methodText, siteZone, siteMarket, sitePUE, siteWater, siteEmbodied,
        siteMeter, nodeSite, nodeEmbodied, nodeAccelerators, nodeNameplate, jobClass, jobModel, jobActivity, jobRun,
        modelCompute, modelInference, meterClass, factorSet, residualMix, instrument, accountMap,
    ]
}
