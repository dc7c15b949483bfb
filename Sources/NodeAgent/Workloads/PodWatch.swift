import Energy
import Sensors
import Workloads

/// Follows the pods of this node by their control groups. Owned by the measuring thread.
///
/// A look lists the three directories of the classes of service; a pod's CPU time is one small file.
struct PodWatch: Sendable {
    struct Known: Sendable, Hashable {
        var token: String
        var uid: String
        /// The pod's directories, that with the CPU time first.
        var directories: [String]
    }

    private(set) var known: [String: Known] = [:]
    private let root: String
    private var counter: UInt64

    /// Where v1 controllers are looked for, then the unified tree.
    private static let trees = ["/cpuacct", "/cpu,cpuacct", "", "/unified", "/memory"]
    /// Groups of the kubelet's pods: `kubepods` or `kubepods.slice`, in the root or in a group that `--cgroup-root`
    /// names, such as `kubelet.slice/kubelet-kubepods.slice`.
    private var tops: [String] = []
    private var looksUntilSearch = 0
    private static let looksBetweenSearches = 5

    /// - Parameter firstToken: above the number of every token that an earlier run gave in this boot.
    init(sysfsRoot: String, firstToken: UInt64 = 0) {
        root = sysfsRoot + "/fs/cgroup"
        counter = firstToken
    }

    /// Goes on with pods that an earlier run of the agent knew: a pod has one number for its life.
    ///
    /// - Returns: tokens of those that are there.
    mutating func restore(_ tokens: [String]) -> Set<String> {
        guard !tokens.isEmpty else { return [] }
        let found = pods()
        var restored: Set<String> = []
        for token in tokens {
            let words = token.split(separator: "/")
            guard words.count == 3, let directories = found[String(words[1])] else { continue }
            known[String(words[1])] = Known(token: token, uid: String(words[1]), directories: directories)
            restored.insert(token)
        }
        return restored
    }

    /// - Parameter isAfresh: whether a tree of control groups may be new.
    mutating func look(at now: Moment, afresh isAfresh: Bool = false) -> [SlurmWatch.TimedEdge] {
        if isAfresh { looksUntilSearch = 0 }
        let found = pods()
        var edges: [SlurmWatch.TimedEdge] = []
        for (uid, directories) in found.sorted(by: { $0.key < $1.key }) where known[uid] == nil {
            counter += 1
            let token = "\(WorkloadBook.tokenPrefix)pod/\(uid)/\(counter)"
            known[uid] = Known(token: token, uid: uid, directories: directories)
            edges.append(.init(edge: .begin(token: token, since: now.utc), moment: now))
        }
        for (uid, pod) in known where found[uid] == nil {
            known[uid] = nil
            edges.append(.init(edge: .end(token: pod.token), moment: now))
        }
        return edges
    }

    private mutating func pods() -> [String: [String]] {
        if looksUntilSearch == 0 {
            tops = search()
            looksUntilSearch = Self.looksBetweenSearches
        }
        looksUntilSearch -= 1
        var found: [String: [String]] = [:]
        for top in tops {
            for name in FileTree.names(in: top) ?? [] {
                if let uid = PodGroup.uid(of: name) {
                    found[uid, default: []].append(top + "/" + name)
                } else if Self.classes.contains(where: { name == $0 || name.hasSuffix("-\($0).slice") }) {
                    for inner in FileTree.names(in: top + "/" + name) ?? [] {
                        guard let uid = PodGroup.uid(of: inner) else { continue }
                        found[uid, default: []].append(top + "/" + name + "/" + inner)
                    }
                }
            }
        }
        return found
    }

    private static let classes = ["burstable", "besteffort"]

    /// In the trees with CPU time first: a node may have several kubelets, of either driver.
    private func search() -> [String] {
        var found: [String] = []
        for tree in Self.trees {
            for name in FileTree.names(in: root + tree) ?? [] {
                let path = root + tree + "/" + name
                if Self.isTop(name) {
                    found.append(path)
                } else if !Self.controllers.contains(name) {
                    found += (FileTree.names(in: path) ?? []).filter(Self.isTop).map { path + "/" + $0 }
                }
            }
        }
        return found
    }

    /// In a v1 root they are trees of their own, each with the same groups.
    private static let controllers: Set<String> = [
        "blkio", "cpu", "cpu,cpuacct", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "misc",
        "net_cls", "net_cls,net_prio", "net_prio", "perf_event", "pids", "rdma", "systemd", "unified",
    ]

    private static func isTop(_ name: String) -> Bool { name == "kubepods" || name.hasSuffix("kubepods.slice") }
}
