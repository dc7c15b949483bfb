import Batches
import Energy
package import JSONText

/// Several jobs that belong together: the attempts of one training over its whole life, each job once.
package struct RunSummary: Sendable {
    /// The name that somebody gave it, else the model that its jobs train.
    package var name: String
    /// In the order of their keys.
    package var jobs: [JobSummary]

    /// Every run of the jobs, in the order of names.
    package static func all(of jobs: [JobSummary]) -> [RunSummary] {
        var byName: [String: [JobSummary]] = [:]
        for job in jobs { if let run = job.run { byName[run, default: []].append(job) } }
        return byName.map { RunSummary(name: $0.key, jobs: $0.value) }.sorted { $0.name < $1.name }
    }

    /// At least one of its jobs is a lower bound, so that the sum is one.
    package var isLowerBound: Bool { jobs.contains(where: \.isLowerBound) }

    package var time: JobSummary.NodeTime { jobs.reduce(into: JobSummary.NodeTime()) { $0.add($1.time) } }

    /// - Parameter withJobs: whether each job stands in it as `GET /jobs/{key}` answers, else its key alone.
    package func json(withJobs: Bool) -> JSONValue {
        let windows = IntervalSet(jobs.flatMap(\.windows.intervals))
        let total = jobs.reduce(Int128(0)) { $0 + $1.energy.total }
        let isKnown = jobs.allSatisfy { $0.nodesExpected != nil }
        let coverage = isKnown ? Figure.ratio(Int128(min(time.measured, time.allocated)), Int128(time.allocated)) : nil
        return [
            "name": .string(name), "models": texts(jobs.compactMap(\.model)), "classes": texts(jobs.map(\.jobClass)),
            "activities": texts(jobs.compactMap(\.activity)), "job_count": .integer(jobs.count),
            "attempts": .integer(jobs.reduce(Int64(0)) { $0 &+ $1.attempts }),
            "start": TimeText.json(jobs.compactMap(\.start).min()),
            "stop": jobs.allSatisfy { $0.stop != nil } ? TimeText.json(jobs.compactMap(\.stop).max()) : .null,
            "energy_uj": .decimalString(total), "energy_mwh": Figure.megawattHours(total),
            "measured_uj": .decimalString(jobs.reduce(Int128(0)) { $0 + $1.energy.measured }),
            "by_class": classes, "node_ms": time.json, "coverage": coverage ?? .null,
            "lower_bound": .bool(isLowerBound), "wallclock_seconds": .integer(windows.milliseconds / 1000),
            "jobs": .array(
                jobs.map { withJobs ? $0.json() : .string($0.record?.key.description ?? $0.pseudonym) }),
        ]
    }

    private func texts(_ values: [String]) -> JSONValue { .array(Set(values).sorted().map { .string($0) }) }

    private var classes: JSONValue {
        var sums: [String: Int128] = [:]
        for job in jobs { sums[job.jobClass, default: 0] += job.energy.total }
        var object = JSONObject()
        for (name, sum) in sums.sorted(by: { $0.key < $1.key }) { object.append(name, .decimalString(sum)) }
        return .object(object)
    }
}
