/// One process as /proc shows it (proc_pid_stat(5)).
package struct ProcessEntry: Sendable, Hashable {
    package var pid: Int32
    package var parent: Int32
    /// With the pid the identity of a process: pids are used again.
    package var startTicks: UInt64
    /// CPU time of the process itself.
    package var ownTicks: UInt64
    /// CPU time of its children that ended and were waited for.
    package var waitedTicks: UInt64
    package var isZombie: Bool
    /// It is ending, and stays so: from there on cgroup v1 shows it in the root group, whatever its own was
    /// (`PF_EXITING` of include/linux/sched.h; proc_cgroup_show() of kernel/cgroup/cgroup.c).
    package var isExiting = false
    /// Leader of its process group.
    package var group: Int32 = 0

    package init(
        pid: Int32, parent: Int32, startTicks: UInt64, ownTicks: UInt64, waitedTicks: UInt64, isZombie: Bool = false
    ) {
        self.pid = pid
        self.parent = parent
        self.startTicks = startTicks
        self.ownTicks = ownTicks
        self.waitedTicks = waitedTicks
        self.isZombie = isZombie
    }

    var ticks: UInt64 { ownTicks &+ waitedTicks }

    /// Parses the contents of `/proc/PID/stat`, nil when they are something else. The name of the program stands in
    /// parentheses and may hold anything, parentheses too.
    package init?(stat bytes: some Collection<UInt8>) {
        let text = Array(bytes)
        guard let open = text.firstIndex(of: UInt8(ascii: "(")), let close = text.lastIndex(of: UInt8(ascii: ")")),
            open > 0, let pid = Int32(String(decoding: text[..<(open - 1)], as: UTF8.self))
        else { return nil }
        let fields = text[(close + 1)...].split(separator: UInt8(ascii: " "))
        // Field 3, the state, is the first here.
        func number(_ field: Int) -> UInt64? {
            fields.count > field - 3 ? UInt64(String(decoding: fields[field - 3], as: UTF8.self)) : nil
        }
        guard let parent = number(4).flatMap(Int32.init(exactly:)), let user = number(14), let system = number(15),
            let waitedUser = number(16), let waitedSystem = number(17), let start = number(22)
        else { return nil }
        self.init(
            pid: pid, parent: parent, startTicks: start, ownTicks: user &+ system,
            waitedTicks: waitedUser &+ waitedSystem, isZombie: fields.first?.first == UInt8(ascii: "Z"))
        group = number(5).flatMap(Int32.init(exactly:)) ?? 0
        isExiting = isZombie || (number(9) ?? 0) & 0x4 != 0
    }
}

/// CPU time of the processes that descend from some roots, cumulative over their whole life. No I/O.
///
/// A process that was once seen in the tree stays in it, also when its parent ends and it is adopted. The time of one
/// that ends goes to the parent that waits for it; where no parent of the tree is left to wait, what was last seen is
/// kept.
package struct ProcessTree: Sendable {
    package struct Root: Sendable, Hashable {
        package var pid: Int32
        package var startTicks: UInt64

        package init(pid: Int32, startTicks: UInt64) {
            self.pid = pid
            self.startTicks = startTicks
        }
    }

    private var members: [Int32: ProcessEntry] = [:]
    private var retiredTicks: UInt64 = 0
    /// What an earlier run of the agent had counted, until this one has looked.
    private var carriedTicks: UInt64 = 0
    /// Never falls.
    package private(set) var ticks: UInt64 = 0
    /// Whether a process of the tree was alive at the last look.
    package private(set) var isActive = false

    /// - Parameter carriedTicks: what an earlier run of the agent had counted of the same processes. Those that ended
    ///   meanwhile are in it and shown by nobody any more.
    package init(carriedTicks: UInt64 = 0) {
        self.carriedTicks = carriedTicks
        ticks = carriedTicks
    }

    /// - Parameter childrenByParent: all processes of the node by their parent.
    package mutating func update(
        roots: [Root], table: [Int32: ProcessEntry], childrenByParent: [Int32: [Int32]]
    ) {
        var found: [Int32: ProcessEntry] = [:]
        var queue: [Int32] = []
        for root in roots where table[root.pid]?.startTicks == root.startTicks { queue.append(root.pid) }
        for (pid, member) in members where table[pid]?.startTicks == member.startTicks { queue.append(pid) }
        while let pid = queue.popLast() {
            guard found[pid] == nil, let entry = table[pid] else { continue }
            found[pid] = entry
            queue += childrenByParent[pid] ?? []
        }
        for (pid, member) in members where found[pid]?.startTicks != member.startTicks {
            if found[member.parent] == nil { retiredTicks &+= member.ticks }
        }
        members = found
        if carriedTicks > 0 {
            let shown = found.values.reduce(0 as UInt64) { $0 &+ $1.ticks }
            retiredTicks &+= carriedTicks > shown ? carriedTicks - shown : 0
            carriedTicks = 0
        }
        ticks = max(ticks, found.values.reduce(retiredTicks) { $0 &+ $1.ticks })
        isActive = found.values.contains { !$0.isZombie }
    }
}
