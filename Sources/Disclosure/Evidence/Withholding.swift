package import Batches
package import Energy

/// Which entries of a log a bundle withholds. Only what carries readings or names a job can be withheld: who may sign,
/// what was set, closed, corrected and reported is always shown.
package struct Withholding: Sendable, Hashable {
    /// Batches outside these hours.
    package var otherTimes: UTCInterval?
    /// Batches, imports and job entries of none of these jobs, by pseudonym.
    package var otherJobs: Set<String>?

    package init(otherTimes: UTCInterval? = nil, otherJobs: Set<String>? = nil) {
        self.otherTimes = otherTimes
        self.otherJobs = otherJobs
    }

    package static let nothing = Withholding()

    package var isNothing: Bool { otherTimes == nil && otherJobs == nil }

    package func withholds(_ entry: Entry) -> Bool {
        switch entry {
        case .batch(let batch):
            if let otherTimes, otherTimes.intersection(batch.facts.interval) == nil { return true }
            guard let otherJobs else { return false }
            return !batch.facts.allocations.contains { otherJobs.contains($0.job) }
        case .imported(let imported):
            guard let otherJobs, let job = imported.job else { return false }
            return !otherJobs.contains(job)
        case .job(let job): return otherJobs.map { !$0.contains(job.job) } ?? false
        default: return false
        }
    }
}
