/// A job that a launcher tells by the environment of its processes, where no scheduler stands above it.
///
/// Order of belief: Slurm's variables (the job is found by its control group, not here), then an explicit
/// `WATTEST_JOB`, then torchrun's run id, then what torch.distributed needs to meet, then MPI's own names.
package struct LaunchedJob: Sendable, Hashable {
    package var launcher: String
    /// Every process of the job, on every node, finds the same; jobs that meet on a loopback address have their node's
    /// name in it.
    package var id: String
    package var expectedNodes: Int64?
    /// This node's place.
    package var rank: Int64?
    /// Accelerators by their own names; numbers say nothing inside of a container.
    package var devices: [String] = []
    package var labels: [String: String] = [:]

    /// - Parameter node: this node's name. Who meets on 127.0.0.1 cannot be on two nodes: without the name, every
    ///   `localhost:29500` of a site would be one job.
    /// - Returns: nil when a scheduler's variables are there, or none of a launcher.
    package init?(_ environment: TaskEnvironment, node: String) {
        guard environment["SLURM_JOB_ID"] == nil, environment["SLURM_JOBID"] == nil,
            let (launcher, name) = Self.name(environment)
        else { return nil }
        let isAlone = Self.isAlone(environment, launcher)
        let id = isAlone ? "\(name)@\(node)" : name
        guard id.utf8.count <= 256 else { return nil }
        self.launcher = launcher
        self.id = id
        expectedNodes =
            isAlone
            ? 1
            : environment.integer(["GROUP_WORLD_SIZE", "OMPI_MCA_orte_num_nodes", "PMI_NNODES"])
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
        if let id = environment["OMPI_MCA_ess_base_jobid"] ?? environment["OMPI_MCA_orte_ess_jobid"] {
            // Job ids are hashes of 16 bits and repeat between front ends: their addresses tell them apart.
            guard let front = frontEnd(environment) ?? environment["PMIX_NAMESPACE"] else { return nil }
            return ("mpi", "\(id):\(front)")
        }
        if let namespace = environment["PMIX_NAMESPACE"] { return ("mpi", namespace) }
        if let id = environment["PMI_JOBID"] ?? environment["PMI_ID_JOB"] { return ("mpi", id) }
        return nil
    }

    /// Where mpirun listens, alike on all of its nodes: `NAME;tcp://10.0.0.1,10.1.0.1:36551;tcp6://…` without the name
    /// (orte/mca/oob/base, what Open MPI up to 4 sets). Of a front end with many networks the last ones, with the port.
    private static func frontEnd(_ environment: TaskEnvironment) -> String? {
        guard let uri = environment["OMPI_MCA_orte_hnp_uri"], let semicolon = uri.firstIndex(of: ";") else {
            return nil
        }
        let contact = uri[uri.index(after: semicolon)...].filter { $0 != "\"" }
        return contact.isEmpty ? nil : String(contact.suffix(160))
    }

    /// Whether the processes can only meet on this node.
    private static func isAlone(_ environment: TaskEnvironment, _ launcher: String) -> Bool {
        switch launcher {
        case "torch", "torchrun": environment["MASTER_ADDR"].map(isLoopback) ?? false
        default: false
        }
    }

    /// Whether an address is of the loopback network (RFC 1122, 4291), or a name for it (RFC 6761; Debian's hosts).
    static func isLoopback(_ address: String) -> Bool {
        var text = address.lowercased()
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        if text.hasSuffix(".") { text.removeLast() }
        if text.hasPrefix("::ffff:") { text.removeFirst("::ffff:".count) }
        if ["localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback"].contains(text) {
            return true
        }
        if text.hasSuffix(".localhost") || ["::1", "0:0:0:0:0:0:0:1", "::", "0.0.0.0"].contains(text) { return true }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count <= 4 && parts.first == "127" && parts.allSatisfy { UInt32($0) != nil }
    }
}
