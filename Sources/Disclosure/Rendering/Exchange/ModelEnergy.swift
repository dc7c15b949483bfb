import JSONText
import TransparencyLog

/// What exchange formats take from a disclosure: energy by model and activity.
struct ModelEnergy {
    struct Run {
        var model: String
        var jobClass: String
        var microjoules: Int128
        var wallclockSeconds: Int64
        var jobCount: Int64
        /// With the digits that the report's uncertainty bears, nine decimals at most: a milliwatt-second is 0.28 of
        /// the last one.
        let kilowattHours: JSONValue

        fileprivate init(
            model: String, jobClass: String, microjoules: Int128, wallclockSeconds: Int64 = 0, jobCount: Int64 = 0,
            borne: BorneFigures
        ) {
            self.model = model
            self.jobClass = jobClass
            self.microjoules = microjoules
            self.wallclockSeconds = wallclockSeconds
            self.jobCount = jobCount
            kilowattHours = borne.figure(Figure.ratio(microjoules, 3_600_000_000_000, decimals: 9) ?? .null)
        }

        /// The life-cycle activity (CycloneDX 1.6, SPDX 3) that a class of jobs stands for.
        var activity: String {
            switch jobClass {
            case "final", "development", "training": "training"
            case "fine-tuning", "finetuning": "fine-tuning"
            case "evaluation", "validation": "validation"
            case "synthetic-data", "data-preparation": "data-preparation"
            case "data-collection", "design", "deployment", "inference": jobClass
            default: "other"
            }
        }
    }

    let report: JSONValue
    /// In the order of the report; last what no model is named for.
    let runs: [Run]
    /// Of the report's bytes: what identifiers are made from.
    let digest: MerkleHash

    /// Nil where the audience is shown no energy.
    init?(_ report: JSONValue) {
        guard let jobs = HTMLText.microjoules(report["energy"]?["jobs_uj"]) else { return nil }
        self.report = report
        let borne = BorneFigures(of: report)
        var runs = (report["runs"]?.array ?? []).compactMap { run -> Run? in
            guard let energy = HTMLText.microjoules(run["energy_uj"]) else { return nil }
            return Run(
                model: HTMLText.plain(run["model"]?.string == nil ? run["name"] : run["model"]),
                jobClass: HTMLText.plain(run["class"]), microjoules: energy,
                wallclockSeconds: run["wallclock_seconds"]?.int64 ?? 0, jobCount: run["job_count"]?.int64 ?? 0,
                borne: borne)
        }
        let rest = jobs - runs.reduce(0) { $0 + $1.microjoules }
        if rest != 0 {
            runs.append(Run(model: Self.unnamed, jobClass: "unclassified", microjoules: rest, borne: borne))
        }
        self.runs = runs
        digest = MerkleHash.sha256(of: report.rendered(.pretty))
    }

    static let unnamed = "jobs without a model"

    var organization: String { HTMLText.plain(report["organization"]?["name"]) }
    var periodStart: String { HTMLText.plain(report["period"]?["start"]) }
    var periodEnd: String { HTMLText.plain(report["period"]?["end"]) }
    var models: [String] {
        var models: [String] = []
        for run in runs where !models.contains(run.model) { models.append(run.model) }
        return models
    }

    /// Location-based tonnes of a run: the report's, in the ratio of energies, since runs are not told apart by hour.
    func tonnes(of run: Run) -> JSONValue? {
        guard let text = report["emissions"]?["location_t"]?.number?.text,
            let total = HTMLText.microjoules(report["energy"]?["it_uj"]), total > 0
        else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let decimals = ((parts.count > 1 ? String(parts[1]) : "") + "000000").prefix(6)
        guard let micro = Int128(String(parts[0]) + decimals), !text.contains("e"),
            case (let product, let overflow) = micro.multipliedReportingOverflow(by: run.microjoules), !overflow
        else { return nil }
        let (divisor, carry) = total.multipliedReportingOverflow(by: 1_000_000)
        return carry ? nil : Figure.ratio(product, divisor).map { BorneFigures(of: report).figure($0) }
    }

    /// What the formats have no field for, as names and values.
    var facts: [(name: String, value: String)] {
        let energy = report["energy"]
        let boundaries = (energy?["by_boundary"]?.object?.names ?? []).joined(separator: ", ")
        var facts = [
            ("wattest:disclosure-sha256", digest.hexadecimal), ("wattest:period-start", periodStart),
            ("wattest:period-end", periodEnd), ("wattest:audience", HTMLText.plain(report["audience"])),
            ("wattest:boundary", boundaries), ("wattest:method", HTMLText.plain(report["method"]?["text"])),
            ("wattest:measured-share", HTMLText.plain(energy?["measured_share"])),
            ("wattest:pue", HTMLText.plain(report["pue"]?["value"])),
            ("wattest:co2e-location-t", HTMLText.plain(report["emissions"]?["location_t"])),
            ("wattest:co2e-market-t", HTMLText.plain(report["emissions"]?["market_t"])),
            ("wattest:organization-it-mwh", HTMLText.plain(energy?["it_mwh"])),
            ("wattest:log-origin", HTMLText.plain(report["evidence"]?["origin"])),
            ("wattest:log-size", HTMLText.plain(report["evidence"]?["size"])),
        ]
        facts.removeAll { $0.1 == "–" || $0.1.isEmpty }
        return facts
    }

    /// A name-based UUID (RFC 9562, version 8) of the report and a purpose.
    func uuid(_ purpose: String) -> String {
        var bytes = Array(MerkleHash.sha256(of: digest.bytes + Array(purpose.utf8)).bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Hexadecimal.encode(bytes)
        var groups: [Substring] = []
        var rest = hex[...]
        for length in [8, 4, 4, 4, 12] {
            groups.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return groups.joined(separator: "-")
    }
}
