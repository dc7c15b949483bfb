import Batches
import JSONText

/// Jobs of one run, by model and class. A run without a name of its own is its model's.
struct RunSection {
    private struct Run {
        var name: String
        var model: String?
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
        var places: [[String?]: Int] = [:]
        for job in jobs {
            guard let name = job.run else { continue }
            let identity = [name, job.model, job.jobClass]
            if let index = places[identity] {
                runs[index].jobs.append(job)
            } else {
                places[identity] = runs.count
                runs.append(Run(name: name, model: job.model, jobClass: job.jobClass, jobs: [job]))
            }
        }
        self.runs = runs.sorted {
            ($0.name, $0.model ?? "", $0.jobClass) < ($1.name, $1.model ?? "", $1.jobClass)
        }
    }

    var isEmpty: Bool { runs.isEmpty }

    var json: JSONValue { .array(runs.map(json)) }

    private func json(_ run: Run) -> JSONValue {
        let windows = IntervalSet(run.jobs.flatMap(\.windows.intervals))
        let names = run.jobs.map { job in
            audience.showsNames ? job.record?.key.description ?? job.pseudonym : job.pseudonym
        }
        var energy = EnergyBreakdown()
        for job in run.jobs { energy.add(job.energy) }
        return [
            "name": .string(run.name), "model": .text(run.model), "class": .string(run.jobClass),
            "jobs": audience.showsJobs ? .array(names.map { .string($0) }) : .null,
            "energy_uj": audience.showsEnergy ? .decimalString(energy.total) : .null,
            "wallclock_seconds": .integer(windows.milliseconds / 1000),
            "accelerator_seconds_by_model": accelerators.json(of: run.jobs),
            "job_count": .integer(run.jobs.count),
            "energy_mwh": audience.showsEnergy ? Figure.megawattHours(energy.total) : .null,
            "by_boundary": audience.showsEnergy ? energy.boundariesJSON : .null,
        ]
    }
}
