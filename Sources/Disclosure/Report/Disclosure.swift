package import JSONText
package import TransparencyLog

/// One report: a pure function of its input, whose JSON bytes are what is issued, logged and recomputed.
package struct Disclosure: Sendable, Hashable {
    package static let schema = "wattest/disclosure/v1"

    package let method: CalculationMethod
    package let bytes: [UInt8]
    /// All of it but the list of jobs, which is empty here: of a large report that is nearly everything.
    package let outline: JSONValue

    package init(_ input: DisclosureInput) {
        method = input.method
        let audience = input.audience
        let sums = PeriodSums(input)
        let jobs = JobSummary.all(in: input.accounts, period: input.period, sums: sums)
        let energy = EnergySection(input, jobs: jobs, sums: sums)
        let uncertainty = MeterUncertainty(input, energy.inside)
        let (list, outline) = JSONListText.written(audience.showsJobs ? jobs : [], .pretty, level: 1) {
            [borne = uncertainty.borne] writer, job in
            job.write(to: &writer, for: audience, borne: borne)
        } beside: {
            DisclosureBuilder(input, jobs: jobs, energy: energy, uncertainty: uncertainty, sums: sums).outline
        }
        self.outline = outline
        bytes = Self.bytes(of: outline, jobs: list)
    }

    /// The outline with the list of jobs in its place.
    private static func bytes(of outline: JSONValue, jobs: JSONListText) -> [UInt8] {
        var writer = JSONWriter(.pretty)
        writer.object { writer in
            for section in outline.object?.members ?? [] {
                guard section.name == "jobs" else {
                    writer.member(named: section.name, section.value)
                    continue
                }
                writer.name("jobs")
                writer.list(jobs)
            }
        }
        return writer.finished()
    }

    /// All of it, read from its bytes each time.
    package var value: JSONValue {
        // They were written a moment ago, and may be as long as they are.
        (try? JSONValue(parsing: bytes, limits: JSONValue.Limits(bytes: .max))) ?? outline
    }

    package var sha256: MerkleHash { .sha256(of: bytes) }
}

extension Disclosure {
    /// The text of the tree without leaves: a report about a log from its first entry on starts there.
    static func emptyCheckpointText(origin: String) -> String { "\(origin)\n0\n\(MerkleHash.emptyTree.base64)\n" }
}

extension Disclosure {
    /// What the report's own checks say against its figures; a report with any is not issued. Sensors that contradict
    /// each other are a fact about the nodes: the report that tells it may be issued.
    package var failedChecks: [String] {
        (outline["checks"]?.array ?? []).compactMap { check in
            guard check["passed"]?.bool == false, check["id"]?.string != "residual" else { return nil }
            return "\(check["id"]?.string ?? ""): \(check["detail"]?.string ?? "")"
        }
    }
}
