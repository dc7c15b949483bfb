/// Asks the controller about a job, once a job and node, on a thread of the agent's own. Slurm advises against asking
/// from a prolog; this one holds up nobody.
package struct SlurmController: Sendable {
    package enum Answer: Sendable, Hashable {
        case known(SlurmJob)
        /// The controller does not answer, or not about this job; worth another try.
        case silent
        /// There is no `scontrol` on this node.
        case absent
    }

    private let control: String?
    private let accounting: String?

    /// Where Slurm's programs usually are.
    package static let directories = ["/usr/bin", "/usr/local/bin", "/opt/slurm/bin", "/usr/local/slurm/bin"]

    /// - Parameter directory: of `scontrol` and `sacct`; nil looks in the usual places.
    package init(directory: String? = nil) {
        let directories = directory.map { [$0] } ?? Self.directories
        control = directories.map { $0 + "/scontrol" }.first { FileTree.identity(of: $0) != nil }
        accounting = directories.map { $0 + "/sacct" }.first { FileTree.identity(of: $0) != nil }
    }

    private static let settings = ["SLURM_TIME_FORMAT": "%s"]

    /// - Parameter configuration: `SLURM_CONF` of the job's processes, where one is known.
    package func ask(job: Int64, node: String, configuration: String? = nil) -> Answer {
        guard let control else { return .absent }
        var settings = Self.settings
        if let configuration { settings["SLURM_CONF"] = configuration }
        let command = CommandOutput(path: control, environment: settings)
        guard let text = command.read(["--details", "--oneliner", "show", "job", "\(job)"]),
            var answer = SlurmJob(control: text, job: job, node: node)
        else { return .silent }
        if let leader = answer.heterogeneousJob, leader != job {
            // Asked for the leader, all components answer.
            if let whole = command.read(["--details", "--oneliner", "show", "job", "\(leader)"]),
                let found = SlurmJob(control: whole, job: job, node: node)
            {
                answer = found
            }
        }
        if answer.restarts > 0, let first = firstSubmission(answer, settings) { answer.submitSeconds = first }
        return .known(answer)
    }

    /// A requeue gives the job another submit time; the accounting knows the first. Without accounting the attempts of
    /// a requeued job stay jobs of their own.
    private func firstSubmission(_ job: SlurmJob, _ settings: [String: String]) -> Int64? {
        guard let accounting else { return nil }
        let command = CommandOutput(path: accounting, environment: settings)
        let id = job.heterogeneousJob ?? job.id
        let answer = command.read([
            "--duplicates", "--noheader", "--parsable2", "--allocations", "--jobs=\(id)", "--starttime=1970-01-02",
            "--format=JobIDRaw,Submit",
        ])
        return answer.flatMap { SlurmAccounting.firstSubmission($0, job: id, restarts: job.restarts) }
    }

    /// The name of the cluster as `scontrol show config` has it, nil when the controller does not say.
    ///
    /// - Parameter configuration: `SLURM_CONF` of the job's processes, where one is known.
    package func clusterName(configuration: String? = nil) -> String? {
        guard let control else { return nil }
        var settings = Self.settings
        if let configuration { settings["SLURM_CONF"] = configuration }
        let text = CommandOutput(path: control, environment: settings).read(["show", "config"])
        for line in text?.split(separator: "\n") ?? [] {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
            if parts.count == 2, parts[0] == "ClusterName", !parts[1].isEmpty, parts[1] != "(null)" { return parts[1] }
        }
        return nil
    }
}
