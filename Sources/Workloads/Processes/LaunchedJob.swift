/// A job that a launcher tells by the environment of its processes, where no scheduler stands above it.
///
/// Order of belief: Slurm's variables (the job is found by its control group, not here), then an explicit
/// `WATTEST_JOB`, then torchrun's run id, then MPI's own names, which no other start of the same command has, then
/// where torch.distributed's ranks meet.
///
/// The bound: MPI's names and a run id are a start's own, as far as who started it keeps to that. A meeting place is
/// not: a run that follows another one at the same address, port and size has its name, and nothing that a node can see
/// alone tells them apart alike on all nodes. A time does not, because every division of time has an edge, on both
/// sides of which some nodes of one job start; a count does not, because nodes were in different runs before. So they
/// are attempts of one job, each with its own window, and the job's row says how many.
package struct LaunchedJob: Sendable, Hashable {
    package var launcher: String
    /// Every process of the job, on every node, finds the same; jobs that meet on a loopback address have their node's
    /// name in it.
    package var id: String
    package var expectedNodes: Int64?
    /// This node's place.
    package var rank: Int64?
    /// How often the launcher has started the job's processes again.
    package var attempt: Int64
    /// Accelerators by their own names; numbers say nothing inside of a container.
    package var devices: [String] = []
    package var labels: [String: String] = [:]

    /// Set by `wattest exec` for what it starts: the claim is made, and is over when the command is.
    package static let claimed = "WATTEST_EXEC"

    private struct Name {
        var launcher: String
        var id: String
        /// Where the processes meet, as far as the environment tells.
        var meetingPlace: String?
    }

    /// - Parameters:
    ///   - node: this node's name. Who meets on 127.0.0.1 cannot be on two nodes: without the name, every
    ///     `localhost:29500` of a site would be one job.
    ///   - proxy: what started the process for Hydra; asked only where the environment names no job.
    /// - Returns: nil when a scheduler's variables are there, or none of a launcher.
    package init?(_ environment: TaskEnvironment, node: String, proxy: () -> HydraProxy? = { nil }) {
        guard environment["SLURM_JOB_ID"] == nil, environment["SLURM_JOBID"] == nil,
            let name = Self.name(environment, proxy)
        else { return nil }
        let isAlone = name.meetingPlace.map(Self.isLoopback) ?? false
        let id = isAlone ? "\(name.id)@\(node)" : name.id
        guard id.utf8.count <= 256 else { return nil }
        launcher = name.launcher
        self.id = id
        expectedNodes = isAlone ? 1 : Self.nodes(environment)
        rank = environment.integer("GROUP_RANK").flatMap { (0...1_000_000).contains($0) ? $0 : nil }
        devices = (environment["CUDA_VISIBLE_DEVICES"] ?? "").split(separator: ",").prefix(64).map(String.init)
            .filter { $0.hasPrefix("GPU-") }
        labels = JobLabels.parse(environment: environment)
        labels["launcher"] = launcher
        let restarts = environment.integer("TORCHELASTIC_RESTART_COUNT") ?? 0
        attempt = (0...1_000_000).contains(restarts) ? restarts : 0
        if attempt > 0 { labels["elastic_restarts"] = "\(attempt)" }
    }

    private static func name(_ environment: TaskEnvironment, _ proxy: () -> HydraProxy?) -> Name? {
        let place = environment["MASTER_ADDR"]
        if let job = environment["WATTEST_JOB"], !job.isEmpty { return Name(launcher: "exec", id: job) }
        // torchrun's default run id is "none": every run on earth would be one job.
        if let run = environment["TORCHELASTIC_RUN_ID"], !run.isEmpty, run != "none" {
            return Name(launcher: "torchrun", id: run, meetingPlace: place)
        }
        if let name = messagePassing(environment, proxy) { return name }
        guard let place, !place.isEmpty, let port = environment.integer("MASTER_PORT"),
            let size = environment.integer("WORLD_SIZE")
        else { return nil }
        return Name(launcher: "torch", id: "\(place):\(port):\(size)", meetingPlace: place)
    }

    private static func messagePassing(_ environment: TaskEnvironment, _ proxy: () -> HydraProxy?) -> Name? {
        if let id = environment["OMPI_MCA_ess_base_jobid"] ?? environment["OMPI_MCA_orte_ess_jobid"] {
            // Job ids are hashes of 16 bits and repeat between front ends: their addresses tell them apart.
            let front = frontEnd(environment) ?? environment["PMIX_NAMESPACE"]
            return front.map { Name(launcher: "mpi", id: "\(id):\($0)") }
        }
        if let namespace = environment["PMIX_NAMESPACE"] { return Name(launcher: "mpi", id: namespace) }
        // Intel's Hydra makes one for each start and gives it to every rank.
        if let unique = environment["I_MPI_HYDRA_UUID"] { return Name(launcher: "mpi", id: unique) }
        if let id = environment["PMI_JOBID"] ?? environment["PMI_ID_JOB"] { return Name(launcher: "mpi", id: id) }
        // MPICH and what descends from it: the ranks know their numbers only.
        guard environment["PMI_RANK"] != nil || environment["PMI_ID"] != nil, let proxy = proxy() else { return nil }
        return Name(launcher: "mpi", id: proxy.control, meetingPlace: proxy.host)
    }

    /// As the launcher counts them; 1 where all ranks of the world are on this node. What else there may be is unknown.
    private static func nodes(_ environment: TaskEnvironment) -> Int64? {
        let counted = environment.integer(["GROUP_WORLD_SIZE", "OMPI_MCA_orte_num_nodes", "PMI_NNODES"])
        if let counted { return (1...1_000_000).contains(counted) ? counted : nil }
        let worlds = [
            ("MPI_LOCALNRANKS", "PMI_SIZE"), ("OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_SIZE"),
            ("LOCAL_WORLD_SIZE", "WORLD_SIZE"),
        ]
        return worlds.contains { here, all in
            environment.integer(here).map { $0 > 0 && $0 == environment.integer(all) } ?? false
        } ? 1 : nil
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
