/// The jobs that Slurm holds on this node now, by the control groups that it makes for them.
///
/// A look lists two directories; what is inside of a job's group is read only for CPU time and to see whether tasks
/// run. Slurm makes the job's group when the allocation reaches the node (with `PrologFlags=Contain`) or with its first
/// step, and removes it with the last.
package struct SlurmGroups: Sendable {
    package struct Job: Sendable, Hashable {
        package var id: Int64
        /// The job's directories, that with the CPU time first.
        package var directories: [String]
        /// Tells the group from one that has the same name after a requeue.
        package var identity: UInt64
        /// The node's name as the path tells it.
        package var node: String?
        /// Daemons of its steps, where Slurm makes no group for them; the directories are empty then.
        package var daemons: [Int32] = []
        /// Whether one of them runs tasks of the user.
        package var hasTaskDaemon = false

        package init(id: Int64, directories: [String], identity: UInt64, node: String? = nil) {
            self.id = id
            self.directories = directories
            self.identity = identity
            self.node = node
        }
    }

    private let root: String
    private let names: Set<String>
    private var bases: [Base] = []
    private var looksUntilSearch = 0

    private struct Base: Sendable, Hashable {
        var path: String
        /// Jobs lie in directories `uid_U` (v1), not directly in it.
        var hasUsers: Bool
        var node: String?
    }

    /// Where v1 controllers are looked for, those with CPU time first.
    private static let controllers = [
        "cpuacct", "cpu,cpuacct", "freezer", "memory", "cpuset", "devices", "pids",
    ]
    private static let looksBetweenSearches = 5

    /// - Parameter names: what this node may be called. With several slurmd on one machine each has a root of its own.
    package init(sysfsRoot: String, names: Set<String>) {
        root = sysfsRoot + "/fs/cgroup"
        self.names = names
    }

    /// Slurm may have made a tree since the last search.
    package mutating func searchAtNextLook() { looksUntilSearch = 0 }

    /// Every job that has a group now, by its id.
    package mutating func look() -> [Int64: Job] {
        if looksUntilSearch == 0 {
            bases = search()
            looksUntilSearch = Self.looksBetweenSearches
        }
        looksUntilSearch -= 1
        var jobs: [Int64: Job] = [:]
        for base in bases {
            let parents: [String]
            if base.hasUsers {
                parents = (FileTree.names(in: base.path) ?? []).filter { $0.hasPrefix("uid_") }
                    .map { base.path + "/" + $0 }
            } else {
                parents = [base.path]
            }
            for parent in parents { add(jobsIn: parent, base, to: &jobs) }
        }
        return jobs
    }

    private func add(jobsIn parent: String, _ base: Base, to jobs: inout [Int64: Job]) {
        for entry in FileTree.entries(in: parent) ?? [] where entry.name.hasPrefix("job_") {
            guard let id = DecimalNumber.parse(entry.name.dropFirst(4)), id > 0 else { continue }
            let path = parent + "/" + entry.name
            if jobs[id] != nil {
                jobs[id]?.directories.append(path)
            } else {
                jobs[id] = Job(id: id, directories: [path], identity: entry.identity, node: base.node)
            }
        }
    }

    private func search() -> [Base] {
        var found: [Base] = []
        for tree in [root, root + "/unified"] {
            for name in FileTree.names(in: tree + "/system.slice") ?? [] where name.hasSuffix("slurmstepd.scope") {
                let node = name.dropLast("slurmstepd.scope".count).dropLast()
                found.append(
                    Base(
                        path: tree + "/system.slice/" + name, hasUsers: false,
                        node: node.isEmpty ? nil : String(node)))
            }
        }
        for controller in Self.controllers {
            let tree = root + "/" + controller
            for name in FileTree.names(in: tree) ?? [] {
                guard let node = SlurmStep.node(ofRoot: name) else { continue }
                found.append(Base(path: tree + "/" + name, hasUsers: true, node: node.isEmpty ? nil : node))
            }
        }
        // Other nodes of a machine with several slurmd are not ours.
        if found.contains(where: { $0.node.map(names.contains) ?? true }) {
            return found.filter { $0.node.map(names.contains) ?? true }
        }
        return Set(found.map(\.node)).count <= 1 ? found : []
    }

    // MARK: Inside of a job's group

    /// The job's processes, and whether tasks of the user are among them.
    package static func processes(of job: Job) -> (pids: [Int32], runsTasks: Bool) {
        guard job.daemons.isEmpty else { return (job.daemons, job.hasTaskDaemon) }
        for directory in job.directories {
            var pids: [Int32] = []
            var runsTasks = false
            for name in FileTree.names(in: directory) ?? [] where name.hasPrefix("step_") {
                let inside = Self.pids(under: directory + "/" + name, depth: 3)
                if name != "step_extern", !inside.isEmpty { runsTasks = true }
                pids += inside
            }
            if !pids.isEmpty { return (pids, runsTasks) }
        }
        return ([], false)
    }

    /// The list of processes of a group in which a task of the user runs; nil when none does.
    static func taskList(of job: Job) -> String? {
        for directory in job.directories {
            for name in FileTree.names(in: directory) ?? [] where name.hasPrefix("step_") && name != "step_extern" {
                if let list = filledList(under: directory + "/" + name, depth: 3) { return list }
            }
        }
        return nil
    }

    private static func filledList(under directory: String, depth: Int) -> String? {
        let list = directory + "/cgroup.procs"
        if FileTree.isFilled(list) { return list }
        guard depth > 0 else { return nil }
        for name in FileTree.names(in: directory) ?? [] where isInside(name) {
            if let list = filledList(under: directory + "/" + name, depth: depth - 1) { return list }
        }
        return nil
    }

    /// Whether a directory of a step holds processes of the step.
    private static func isInside(_ name: String) -> Bool {
        name == "user" || name == "slurm" || name.hasPrefix("task_")
    }

    private static let maximumProcesses = 65_536

    private static func pids(under directory: String, depth: Int) -> [Int32] {
        var pids = (FileTree.text(directory + "/cgroup.procs", limit: 1 << 20) ?? "").split(separator: "\n")
            .compactMap { Int32($0) }
        guard depth > 0, pids.count < maximumProcesses else { return pids }
        for name in FileTree.names(in: directory) ?? [] where isInside(name) {
            pids += Self.pids(under: directory + "/" + name, depth: depth - 1)
        }
        return pids
    }
}
