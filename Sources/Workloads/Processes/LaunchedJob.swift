/// A job that a launcher tells by the environment of its processes, where no scheduler stands above it.
///
/// Order of belief: Slurm's variables (the job is found by its control group, not here), then an explicit
/// `WATTEST_JOB`, then torchrun's run id, then what torch.distributed needs to meet, then MPI's own names.
package struct LaunchedJob: Sendable, Hashable {
    package var launcher: String
    /// Every process of the job, on every node, finds the same.
    package var id: String
    package var expectedNodes: Int64?
    /// This node's place.
    package var rank: Int64?
    /// Accelerators by their own names; numbers say nothing inside of a container.
    package var devices: [String] = []
    package var labels: [String: String] = [:]

    /// - Returns: nil when a scheduler's variables are there, or none of a launcher.
    package init?(_ environment: TaskEnvironment) {
        guard environment["SLURM_JOB_ID"] == nil, environment["SLURM_JOBID"] == nil,
            let (launcher, id) = Self.name(environment), id.utf8.count <= 256
        else { return nil }
        self.launcher = launcher
        self.id = id
        expectedNodes = environment.integer(["GROUP_WORLD_SIZE", "OMPI_MCA_orte_num_nodes", "PMI_NNODES"])
            .flatMap { (1...1_000_000).contains($0) ? $0 : nil }
        rank = environment.integer("GROUP_RANK").flatMap { (0...1_000_000).contains($0) ? $0 : nil }
        devices = (environment["CUDA_VISIBLE_DEVICES"] ?? "").split(separator: ",").prefix(64).map(String.init)
            .filter { $0.hasPrefix("GPU-") }
        labels = JobLabels.parse(environment: environment)
        labels["launcher"] = launcher
        if let restarts = environment.integer("TORCHELASTIC_RESTART_COUNT"), restarts > 0 {
            labels["elastic_restarts"] = "\(restarts)"
        }
    }

    private static func name(_ environment: TaskEnvironment) -> (launcher: String, id: String)? {
        if let job = environment["WATTEST_JOB"], !job.isEmpty { return ("exec", job) }
        // torchrun's default run id is "none": every run on earth would be one job.
        if let run = environment["TORCHELASTIC_RUN_ID"], !run.isEmpty, run != "none" { return ("torchrun", run) }
        if let address = environment["MASTER_ADDR"], let port = environment.integer("MASTER_PORT"),
            let size = environment.integer("WORLD_SIZE"), !address.isEmpty
        {
            return ("torch", "\(address):\(port):\(size)")
        }
        if let id = environment["OMPI_MCA_ess_base_jobid"] ?? environment["OMPI_MCA_orte_ess_jobid"],
            let front = environment["OMPI_MCA_orte_hnp_uri"] ?? environment["PMIX_NAMESPACE"]
        {
            // The front end's address tells runs of two machines apart.
            return ("mpi", "\(id):\(front.prefix { $0 != ";" })")
        }
        if let namespace = environment["PMIX_NAMESPACE"] { return ("mpi", namespace) }
        if let id = environment["PMI_JOBID"] ?? environment["PMI_ID_JOB"] { return ("mpi", id) }
        return nil
    }
}
