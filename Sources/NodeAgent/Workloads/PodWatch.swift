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
    private var lastLook: Moment?

    /// Where v1 controllers are looked for, then the unified tree.
    private static let trees = ["/cpuacct", "/cpu,cpuacct", "", "/unified", "/memory"]
    private static let tops = [
        "/kubepods", "/kubepods/burstable", "/kubepods/besteffort", "/kubepods.slice",
        "/kubepods.slice/kubepods-burstable.slice", "/kubepods.slice/kubepods-besteffort.slice",
    ]

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

    mutating func look(at now: Moment) -> [SlurmWatch.TimedEdge] {
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

    private func pods() -> [String: [String]] {
        var found: [String: [String]] = [:]
        for tree in Self.trees {
            for top in Self.tops {
                let parent = root + tree + top
                for name in FileTree.names(in: parent) ?? [] {
                    guard let uid = PodGroup.uid(of: name) else { continue }
                    found[uid, default: []].append(parent + "/" + name)
                }
            }
        }
        return found
    }
}
