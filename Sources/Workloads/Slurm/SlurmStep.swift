/// A step of a Slurm job as control groups and process titles name it.
package struct SlurmStep: Sendable, Hashable {
    package var job: Int64
    /// `batch`, `extern`, `interactive` or a number; nil where only the job is named.
    package var step: String?
    /// Name of the node in the path, with several slurmd on one machine.
    package var node: String?

    package init(job: Int64, step: String? = nil, node: String? = nil) {
        self.job = job
        self.step = step
        self.node = node
    }

    /// Whether tasks of the user run in the step: `extern` only holds the allocation.
    package var runsTasks: Bool { step != nil && step != "extern" }

    /// Parses a control group's path. Slurm writes
    /// `/slurm/uid_U/job_J/step_S/task_T` (cgroup v1), `/slurm_NODE/uid_U/…` (v1, several slurmd),
    /// `/system.slice/slurmstepd.scope/job_J/step_S/user/task_T` (v2) and `…/NODE_slurmstepd.scope/…` (v2, several
    /// slurmd); see src/plugins/cgroup of Slurm. Anything may stand in front: a container's own root.
    package init?(controlGroup path: String) {
        let parts = path.split(separator: "/").map(String.init)
        guard let index = parts.firstIndex(where: { $0.hasPrefix("job_") }), index > 0,
            let job = DecimalNumber.parse(parts[index].dropFirst(4)), job > 0
        else { return nil }
        if parts[index - 1].hasSuffix("slurmstepd.scope") {
            let node = parts[index - 1].dropLast("slurmstepd.scope".count)
            guard node.isEmpty || node.hasSuffix("_") else { return nil }
            self.init(job: job, node: node.isEmpty ? nil : String(node.dropLast()))
        } else {
            guard index > 1, parts[index - 1].hasPrefix("uid_"), let node = Self.node(ofRoot: parts[index - 2]) else {
                return nil
            }
            self.init(job: job, node: node.isEmpty ? nil : node)
        }
        if index + 1 < parts.count, parts[index + 1].hasPrefix("step_") { step = String(parts[index + 1].dropFirst(5)) }
    }

    /// The node's name in a v1 root directory, empty with one slurmd; nil when the directory is not Slurm's.
    static func node(ofRoot name: String) -> String? {
        if name == "slurm" { return "" }
        return name.hasPrefix("slurm_") ? String(name.dropFirst(6)) : nil
    }

    /// Parses the title of a step's daemon: `slurmstepd: [5.0]`, `[5.batch]`, `[5.extern]`, and `[5+1.0]` for the
    /// second component of a heterogeneous job. Older ones close with a command line behind it.
    package init?(processTitle title: String) {
        guard title.hasPrefix("slurmstepd: ["), let close = title.firstIndex(of: "]") else { return nil }
        let inside = title[..<close].dropFirst("slurmstepd: [".count)
        let parts = inside.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let number = parts[0].split(separator: "+").first,
            let job = DecimalNumber.parse(number), job > 0, !parts[1].isEmpty
        else { return nil }
        self.init(job: job, step: String(parts[1]))
    }
}
