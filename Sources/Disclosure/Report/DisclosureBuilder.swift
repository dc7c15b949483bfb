import Accounts
import Batches
import Energy
import JSONText
import TransparencyLog

/// Puts the sections of a disclosure together, in the order of its schema: all but the list of jobs.
struct DisclosureBuilder {
    private let input: DisclosureInput
    private let jobs: [JobSummary]
    private let energy: EnergySection
    private let coverage: CoverageSection
    private let runs: RunSection
    private let checks: CheckSection
    private let supply: SupplySection
    private let reconciliation: ReconciliationSection
    private let resources: ResourceSection
    private let documentation: ModelDocumentation
    private let profiles: JobProfiles
    private var missing: [(field: String, reason: String)] = []

    init(
        _ input: DisclosureInput, jobs: [JobSummary], energy: EnergySection, uncertainty: MeterUncertainty,
        sums: PeriodSums
    ) {
        self.input = input
        self.jobs = jobs
        self.energy = energy
        resources = ResourceSection(input, jobs: jobs, energy: energy, uncertainty: uncertainty, sums: sums)
        profiles = JobProfiles(input, jobs: jobs)
        coverage = CoverageSection(input, jobs: jobs, sums: sums)
        runs = RunSection(jobs, input)
        supply = SupplySection(input, sums)
        reconciliation = ReconciliationSection(input, sums)
        documentation = ModelDocumentation(input, jobs: jobs, resources: resources, supply: supply)
        let printed: [(name: String, value: JSONValue)] = [
            ("it_mwh", Figure.megawattHours(energy.inside.total, significant: resources.significantFigures)),
            ("facility_mwh", resources.borne.figure(supply.facilityMegawattHours)),
            ("location_t", resources.borne.figure(supply.location)),
            ("market_t", resources.borne.figure(supply.market.tonnes)),
            ("market_t_hourly", resources.borne.figure(supply.market.tonnesHourly)),
            ("water", resources.borneWater["cubic_metres"] ?? .null),
        ]
        checks = CheckSection(
            energy, jobs: jobs,
            others: supply.checks + [PowerLimits(input, jobs: jobs).check] + resources.checks(printed: printed)
                + [ResidualSection(sums).check])
        collectMissing()
    }

    /// All sections; the list of jobs is empty.
    var outline: JSONValue {
        var object = JSONObject()
        object.append("schema", .string(Disclosure.schema))
        object.append("organization", organization)
        object.append(
            "period", ["start": TimeText.json(input.period.start), "end": TimeText.json(input.period.end)])
        object.append("audience", .string(input.audience.rawValue))
        object.append("method", method)
        object.append("energy", energyJSON)
        object.append("coverage", coverage.json)
        object.append("runs", borne(runs.json, "energy_mwh"))
        object.append("jobs", [])
        object.append("zones", shown(borne(supply.zones, "location_t", "market_t", "supply_mwh"), else: []))
        object.append("emissions", shown(emissions, else: .null))
        object.append("pue", shown(supply.powerUsage, else: .null))
        object.append("water", shown(resources.borneWater, else: .null))
        object.append("embodied", shown(resources.embodied, else: .null))
        object.append("compute", resources.compute)
        object.append("uncertainty", resources.uncertaintyJSON)
        object.append("profiles", profiles.json)
        object.append("model_documentation", documentation.json)
        object.append("reconciliation", input.audience.showsJobs ? reconciliation.json : [])
        object.append("checks", checks.json(showsDetail: input.audience.showsEnergy))
        object.append("late_since", late)
        object.append("revoked", RevokedSection(input).json)
        object.append("corrections", CorrectionsSection(input, inside: energy.inside.total).json)
        object.append("closes", ClosesSection(input).json)
        object.append(
            "missing", .array(missing.map { ["field": .string($0.field), "reason": .string($0.reason)] }))
        object.append("evidence", evidence)
        object.append("limits", limits)
        return .object(object)
    }

    private func shown(_ value: JSONValue, else hidden: JSONValue) -> JSONValue {
        input.audience.showsEnergy ? value : hidden
    }

    private func borne(_ value: JSONValue, _ members: String...) -> JSONValue {
        resources.borne.members(members, of: value)
    }

    private var energyJSON: JSONValue {
        shown(
            energy.json(
                facilityMegawattHours: resources.borne.figure(supply.facilityMegawattHours),
                significant: resources.significantFigures), else: .null)
    }

    // MARK: Identity

    private var organization: JSONValue {
        let genesis = input.genesis
        var object = JSONObject()
        object.append("id", .string(genesis.log))
        object.append("slug", .string(genesis.slug))
        object.append("name", .string(input.text(SettingField.organizationName) ?? genesis.organization))
        if let lei = input.text(SettingField.legalEntityIdentifier) { object.append("lei", .string(lei)) }
        return .object(object)
    }

    private var method: JSONValue {
        [
            "rule": .string(input.rule.name),
            "measure": .array(input.accounts.measuringMethods.sorted().map { .string($0) }),
            "version": .string(input.method.version),
            "text": .string(input.text(SettingField.methodText) ?? Self.methodText),
            "factor_set_sha256": supply.factorSetSHA256, "revision": .integer(DisclosureRevision.current),
        ]
    }

    /// Fits the free-text row of the EU model documentation form (about a hundred words).
    static let methodText =
        "An agent on every node reads cumulative hardware energy counters, or integrates power sensors on the node,"
        + " as whole microjoules. Each interval is signed where it is measured, chained to the one before it and kept"
        + " in an append-only log. The outermost sensor of a node is the total; inner sensors only split it. Rule"
        + " attribution/1 posts every microjoule to exactly one job, or to idle, unattributed or gap. Time without"
        + " readings is counted as missing, never as zero, and no figure is extrapolated. IT energy excludes cooling"
        + " and conversion outside that boundary."

    private var emissions: JSONValue {
        let market = supply.market
        return [
            "location_t": resources.borne.figure(supply.location),
            "market_t": resources.borne.figure(market.tonnes),
            "market_t_hourly": resources.borne.figure(market.tonnesHourly),
            "factors": resources.borne.members(["supply_mwh", "location_t"], in: "uses", of: supply.citations),
            "instruments": market.instruments, "matched_share": market.matchedShare,
            "matched_share_hourly": market.matchedShareHourly, "basis": supply.basis,
        ]
    }

    // MARK: Evidence

    private var evidence: JSONValue {
        let origin = input.checkpoint.origin
        return [
            "origin": .string(origin), "policy_sha256": .string(MerkleHash.sha256(of: input.policy).hexadecimal),
            "start_checkpoint": .string(Disclosure.emptyCheckpointText(origin: origin)),
            "end_checkpoint": .string(String(decoding: input.checkpoint.text, as: UTF8.self)),
            "range": .array([.decimalString(0), .decimalString(input.checkpoint.size)]),
            "size": .decimalString(input.checkpoint.size), "withheld": .integer(input.withheldEntries),
        ]
    }

    /// Reports about this time that miss batches which the log has by now.
    private var late: JSONValue {
        .array(
            input.accounts.reports.issues.filter { issue in
                issue.lateBatches + issue.lateCorrections > 0 && issue.entry.period.intersection(input.period) != nil
            }.map { issue in
                [
                    "number": .integer(issue.entry.number), "audience": .string(issue.entry.audience),
                    "period": [
                        "start": TimeText.json(issue.entry.period.start), "end": TimeText.json(issue.entry.period.end),
                    ],
                    "size": .decimalString(issue.entry.size), "batches": .integer(issue.lateBatches),
                    "corrections": .integer(issue.lateCorrections),
                ]
            })
    }

    private var limits: JSONValue {
        let provenances = energy.inside.byProvenance
        let texts = Limits.text(
            hasQuorum: Limits.hasQuorum(input.policy), hasMissing: jobs.contains(where: \.isLowerBound),
            hasRecorded: provenances[.recorded] != nil, hasEstimates: provenances[.estimated] != nil)
        return .array(texts.map { .string($0) })
    }

    // MARK: Missing

    private mutating func collectMissing() {
        let audience = input.audience
        missing += audience.withheld
        if audience.showsJobs { for job in jobs { missing += job.missing(for: audience) } }
        if coverage.nodesExpected == nil {
            missing.append(("coverage.nodes_expected", "at least one job does not say how many nodes it runs on"))
        }
        if energy.inside.total == 0 {
            missing.append(("energy.measured_share", "nothing was measured or posted in this period"))
        }
        if runs.isEmpty, !jobs.isEmpty {
            missing.append(("runs", "no job is labelled with a model; set \(SettingField.jobModel) or label the job"))
        }
        if !runs.isEmpty, !documentation.knowsAccelerators {
            missing.append(
                (
                    "runs[].accelerator_seconds_by_model",
                    "nobody says which accelerators the nodes hold; set \(SettingField.nodeAccelerators)"
                ))
        }
        missing += supply.missing
        if audience.showsJobs { missing += reconciliation.missing }
        missing += resources.missing
        // A figure that is withheld needs no second reason.
        let withheld = Set(audience.withheld.map(\.field))
        if !audience.showsEnergy {
            missing.removeAll { item in
                withheld.contains { item.field.hasPrefix("\($0).") }
            }
        }
    }
}
