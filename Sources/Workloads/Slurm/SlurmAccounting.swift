/// The submissions of one job id as the accounting database keeps them:
/// `sacct --duplicates --noheader --parsable2 --allocations --format=JobIDRaw,Submit` (sacct(1)).
package enum SlurmAccounting {
    /// The first submission of a job that was requeued so many times. Records of an earlier job with the same id, from
    /// before the controller lost its state, come before it.
    package static func firstSubmission(_ answer: String, job: Int64, restarts: Int64) -> Int64? {
        let submissions = answer.split(separator: "\n").compactMap { line -> Int64? in
            let fields = line.split(separator: "|", omittingEmptySubsequences: false)
            guard fields.count == 2, DecimalNumber.parse(fields[0]) == job else { return nil }
            return DecimalNumber.parse(fields[1])
        }.sorted()
        let own = submissions.suffix(Int(clamping: restarts + 1))
        return Int64(own.count) == restarts + 1 ? own.first : nil
    }
}
