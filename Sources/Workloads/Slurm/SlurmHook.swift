/// What a prolog or an epilog left in the hook directory: the exact edge of a job on this node.
///
/// A file `JOB.PID.hook` holds NUL-ended words: `wattest-hook/1`, the context, then `NAME=VALUE` of Slurm's variables,
/// and `end` last. Its time of change is the time of the edge. The hook needs no agent to be there: what it wrote while
/// none ran is read by the next one.
package struct SlurmHook: Sendable, Hashable {
    package enum Edge: Sendable, Hashable { case begin, end }

    package var edge: Edge
    package var job: Int64
    package var utcMicroseconds: Int64
    package var environment: TaskEnvironment

    package init?(bytes: [UInt8], utcMicroseconds: Int64) {
        var words = bytes.split(separator: 0, omittingEmptySubsequences: false)
        if words.last?.isEmpty == true { words.removeLast() }
        guard words.count >= 4, words[0].elementsEqual("wattest-hook/1".utf8),
            words.last?.elementsEqual("end".utf8) == true
        else { return nil }
        switch String(decoding: words[1], as: UTF8.self) {
        case "prolog_slurmd": edge = .begin
        case "epilog_slurmd": edge = .end
        default: return nil
        }
        environment = TaskEnvironment(bytes: Array(words[2..<(words.count - 1)].joined(separator: [0])))
        guard let id = environment.integer("SLURM_JOB_ID"), id > 0 else { return nil }
        job = id
        self.utcMicroseconds = utcMicroseconds
    }

    package static let suffix = ".hook"
    package static let maximumBytes = 65_536
    /// So many are taken at one look; the rest waits for the next.
    package static let maximumAtOnce = 2048
    /// The hook itself leaves no more.
    package static let maximumFiles = 8192

    /// Reads what lies in the directory, oldest first; it is removed with `remove` when what it tells is remembered.
    ///
    /// - Parameters:
    ///   - known: names of files that were read before and are still there.
    ///   - limit: the oldest so many are read: an epilog that is read before its prolog would end nothing, and the
    ///     prolog would begin a job that never ends.
    /// - Returns: the hooks, and the names of all files that were read, damaged ones too.
    package static func read(
        in directory: String, except known: Set<String> = [], limit: Int = maximumAtOnce
    ) -> (hooks: [SlurmHook], names: [String]) {
        let names = (FileTree.names(in: directory) ?? []).filter { $0.hasSuffix(suffix) && !known.contains($0) }
        let files = names.map { (time: FileTree.changedMicroseconds(directory + "/" + $0) ?? .min, name: $0) }
            .sorted { ($0.time, $0.name) < ($1.time, $1.name) }.prefix(limit)
        // What is no plain file has no time, and could hold up whoever opens it.
        let hooks = files.filter { $0.time > .min }.compactMap { file in
            FileTree.read(directory + "/" + file.name, limit: maximumBytes).flatMap {
                SlurmHook(bytes: $0, utcMicroseconds: file.time)
            }
        }
        return (hooks.sorted { ($0.utcMicroseconds, $0.job) < ($1.utcMicroseconds, $1.job) }, files.map(\.name))
    }

    package static func remove(_ names: some Sequence<String>, from directory: String) {
        for name in names { FileTree.remove(directory + "/" + name) }
    }
}
