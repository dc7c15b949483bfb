import Batches

/// What a process says of the job that it runs for, as the agent's socket takes it.
struct JobClaim: Equatable {
    /// A name, or a whole key `cluster/scheduler/id@submit`.
    var job: String
    var model: String?
    var jobClass: String?
    var expectedNodes: Int64?
    var rank: Int64?
    var devices: [String] = []

    /// The line that begins the claim.
    var line: String {
        var words = ["begin", JobKey(job) == nil ? PercentEncoding.encode(job) : job]
        func add(_ name: String, _ value: String?) {
            if let value { words.append("\(name)=\(PercentEncoding.encode(value))") }
        }
        add("expect-nodes", expectedNodes.map { "\($0)" })
        add("rank", rank.map { "\($0)" })
        add("devices", devices.isEmpty ? nil : devices.joined(separator: ","))
        add("label.class", jobClass)
        add("label.model", model)
        return words.joined(separator: " ")
    }

    /// The place of this process among its peers, as launchers tell it: torchrun, Slurm, Open MPI, PMI.
    static func rank(environment: (String) -> String?) -> Int64? {
        ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"].lazy.compactMap(environment)
            .compactMap { Int64($0) }.first { $0 >= 0 }
    }

    /// On how many nodes the job runs, where the launcher knows it.
    static func expectedNodes(environment: (String) -> String?) -> Int64? {
        ["SLURM_JOB_NUM_NODES", "SLURM_NNODES", "OMPI_MCA_orte_num_nodes"].lazy.compactMap(environment)
            .compactMap { Int64($0) }.first { $0 >= 1 }
    }

    /// Where the agent listens.
    static func socketPath(environment: (String) -> String?) -> String {
        environment("WATTEST_AGENT_SOCKET").flatMap { $0.isEmpty ? nil : $0 } ?? "/run/wattest/agent.sock"
    }
}
