/// What is known of a Slurm job on this node, from whichever source told it.
package struct SlurmJob: Sendable, Hashable {
    package var id: Int64
    package var cluster: String?
    /// The first submission. Slurm sets a job's submit time anew at each requeue.
    package var submitSeconds: Int64?
    package var startSeconds: Int64?
    package var restarts: Int64 = 0
    package var account: String?
    package var user: String?
    package var name: String?
    package var partition: String?
    package var comment: String?
    package var nodeList: String?
    package var nodeCount: Int64?
    /// Numbers of the accelerators on this node.
    package var devices: [Int] = []
    /// It has parts of accelerators (MIG), whose numbers are not those of device files; by their own names, where a
    /// task tells them.
    package var holdsInstances = false
    package var instances: [String] = []
    /// Processors on this node.
    package var processors: Int64?
    package var isExclusive = false
    package var arrayJob: Int64?
    package var arrayTask: Int64?
    /// The leader of a heterogeneous job and this component's place in it.
    package var heterogeneousJob: Int64?
    package var heterogeneousOffset: Int64?
    /// This node's place among the job's.
    package var nodeRank: Int64?
    package var labels: [String: String] = [:]

    package init(id: Int64) { self.id = id }

    /// Fills what is not known yet from the environment of a task or of a prolog or epilog (prolog_epilog(5),
    /// srun(1)).
    package mutating func fill(from environment: TaskEnvironment) {
        cluster = cluster ?? environment["SLURM_CLUSTER_NAME"]
        restarts = max(restarts, environment.integer(["SLURM_JOB_RESTART_COUNT", "SLURM_RESTART_COUNT"]) ?? 0)
        account = account ?? environment["SLURM_JOB_ACCOUNT"]
        user = user ?? environment["SLURM_JOB_USER"]
        name = name ?? environment["SLURM_JOB_NAME"]
        partition = partition ?? environment["SLURM_JOB_PARTITION"]
        comment = comment ?? environment["SLURM_JOB_COMMENT"]
        nodeList = nodeList ?? environment["SLURM_JOB_NODELIST"] ?? environment["SLURM_NODELIST"]
        nodeCount = nodeCount ?? environment.integer(["SLURM_JOB_NUM_NODES", "SLURM_NNODES"])
        let visible = (environment["CUDA_VISIBLE_DEVICES"] ?? "").split(separator: ",").prefix(256).map(String.init)
        if instances.isEmpty { instances = visible.filter { $0.hasPrefix("MIG-") } }
        holdsInstances = holdsInstances || !instances.isEmpty
        if devices.isEmpty, !holdsInstances,
            let list = environment["SLURM_JOB_GPUS"] ?? environment["SLURM_STEP_GPUS"]
        {
            devices = DecimalNumber.list(list, limit: 256) ?? []
        }
        processors = processors ?? environment.integer("SLURM_CPUS_ON_NODE")
        arrayJob = arrayJob ?? environment.integer("SLURM_ARRAY_JOB_ID")
        arrayTask = arrayTask ?? environment.integer("SLURM_ARRAY_TASK_ID")
        heterogeneousJob = heterogeneousJob ?? environment.integer("SLURM_HET_JOB_ID")
        heterogeneousOffset = heterogeneousOffset ?? environment.integer("SLURM_HET_JOB_OFFSET")
        labels.merge(JobLabels.parse(environment: environment)) { $1 }
    }

    /// The job as the agent takes it.
    ///
    /// - Parameter site: cluster of a job whose own is not known.
    package func workload(site: String, accounts: AccountMap) -> Workload {
        var workload = Workload(
            identity: WorkloadIdentity(
                cluster: cluster ?? (site.isEmpty ? "local" : site), scheduler: "slurm",
                id: "\(heterogeneousJob ?? id)", submitSeconds: submitSeconds))
        workload.attempt = restarts
        workload.devices = devices.map { .number($0) } + instances.map { .identity($0) }
        workload.reservedMillicores = min(processors ?? 0, 1_000_000) * 1000
        workload.isExclusive = isExclusive
        // Components of a heterogeneous job may have a node in common: it is one node.
        var seen: Set<String> = []
        workload.nodes = (nodeList.flatMap { Hostlist.expand($0) } ?? []).filter { seen.insert($0).inserted }
        workload.expectedNodes = workload.nodes.isEmpty ? nodeCount : Int64(workload.nodes.count)
        workload.rank = nodeRank
        workload.startSeconds = startSeconds
        workload.labels = allLabels(accounts)
        return workload
    }

    private func allLabels(_ accounts: AccountMap) -> [String: String] {
        var all = comment.map { JobLabels.parse(comment: $0) } ?? [:]
        all.merge(labels) { $1 }
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { all[name] = String(value.prefix(128)) }
        }
        add("name", name)
        // Slurm folds accounts; an environment may still hold what the user typed.
        add("account", account?.lowercased())
        add("organization", account.flatMap { accounts.organization("slurm", $0) })
        add("user", user)
        add("partition", partition)
        add("slurm.job", "\(id)")
        add("slurm.array_job", arrayJob.map { "\($0)" })
        add("slurm.array_task", arrayTask.map { "\($0)" })
        add("slurm.het_offset", heterogeneousOffset.map { "\($0)" })
        return all
    }
}
