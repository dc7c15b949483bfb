/// Which job holds this node now, as schedulers, cluster managers and launchers tell it.
///
/// The module owns the reading of their traces: control groups, process titles and environments, hooks, `scontrol`,
/// the kubelet's answers. It signs nothing and decides nothing about energy. Each source has pure parsing and thin
/// reading apart; nothing here can fail a job or wait for one.
package struct Workload: Sendable, Hashable {
    package var identity: WorkloadIdentity
    /// 0 for the first run of the job; a requeue counts up.
    package var attempt: Int64 = 0
    package var devices: [DeviceReference] = []
    /// Processors of this node that the job has reserved, in thousandths.
    package var reservedMillicores: Int64 = 0
    /// Whether the scheduler gave the whole node to the job.
    package var isExclusive = false
    package var expectedNodes: Int64?
    /// The nodes of the allocation under the scheduler's names, empty when only their number is known.
    package var nodes: [String] = []
    package var rank: Int64?
    /// When the attempt began on all of its nodes, Unix seconds.
    package var startSeconds: Int64?
    /// `name`, `account`, `user`, `model`, `class`, `activity` and whatever else the source tells.
    package var labels: [String: String] = [:]

    package init(identity: WorkloadIdentity) { self.identity = identity }
}

/// The name of a job that every node of it finds alone and alike.
package struct WorkloadIdentity: Sendable, Hashable {
    package var cluster: String
    package var scheduler: String
    package var id: String
    /// When the job was first submitted, nil where nobody on this node can tell. It tells apart jobs whose id was used
    /// again.
    package var submitSeconds: Int64?

    package init(cluster: String, scheduler: String, id: String, submitSeconds: Int64? = nil) {
        self.cluster = cluster
        self.scheduler = scheduler
        self.id = id
        self.submitSeconds = submitSeconds
    }
}

/// An accelerator as a scheduler names it.
package enum DeviceReference: Sendable, Hashable {
    /// The number of its device file, `/dev/nvidiaN`.
    case number(Int)
    /// Its own name, for example `GPU-…`.
    case identity(String)
}
