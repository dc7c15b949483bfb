import Batches
import JSONText

/// Jobs that train one model, in one class.
struct RunSection {
    private struct Run {
        var model: String
        var jobClass: String
        var jobs: [JobSummary] = []
    }

    private let runs: [Run]
    private let audience: Audience
    private let accelerators: AcceleratorTime

    init(_ jobs: [JobSummary], _ input: DisclosureInput) {
        audience = input.audience
        accelerators = AcceleratorTime(input)
        var runs: [Run] = []
        for job in jobs {
            guard let model = job.model else { continue }
            if let index = runs.firstIndex(where: { $0.model == model && $0.jobClass == job.jobClass }) {
                runs[index].jobs.append(job)
            } else {
                runs.append(Run(model: model, jobClass: job.jobClass, jobs: [job]))
            }
        }
        self.runs = runs.sorted { ($0.model, $0.jobClass) < ($1.model, $1.jobClass) }
    }

    var isEmpty: Bool { runs.isEmpty }

    var json: JSONValue { .array(runs.map(json)) }

    private func json(_ run: Run) -> JSONValue {
        let windows = IntervalSet(run.jobs.flatMap(\.windows.intervals))
        let names = run.jobs.map { job in
            audience.showsNames ? job.record?.key.description ?? job.pseudonym : job.pseudonym
        }
        return [
            "model": .string(run.model), "class": .string(run.jobClass),
            "jobs": audience.showsJobs ? .array(names.map { .string($0) }) : .null,
            "energy_uj": audience.showsEnergy
                ? .decimalString(run.jobs.reduce(Int128(0)) { $0 + $1.energy.total }) : .null,
            "wallclock_seconds": .integer(windows.milliseconds / 1000),
            "accelerator_seconds_by_model": accelerators.json(of: run.jobs),
            "job_count": .integer(run.jobs.count),
            "energy_mwh": audience.showsEnergy
                ? Figure.megawattHours(run.jobs.reduce(Int128(0)) { $0 + $1.energy.total }) : .null,
        ]
    }
}
