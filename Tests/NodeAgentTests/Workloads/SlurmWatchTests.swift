import Energy
import Glibc
import Testing
import Workloads

@testable import NodeAgent

/// Control groups and hooks in a directory of the test's own, in the forms of Slurm 22.05 (src/plugins/cgroup).
@Suite struct SlurmWatchTests {
    private struct Tree {
        let root: String
        var watch: SlurmWatch

        init(_ root: String, names: Set<String> = ["n1"]) {
            self.root = root
            ChildProcess.makeTree(root + "/hooks")
            watch = SlurmWatch(
                sysfsRoot: root, processes: ProcessTable(procfsRoot: root + "/proc", ticksPerSecond: 100), names: names,
                hookDirectory: root + "/hooks")
        }

        func job(_ base: String, _ id: Int, pids: String = "", usage: String? = nil) {
            let path = root + "/fs/cgroup/" + base + "/job_\(id)"
            ChildProcess.makeTree(path + "/step_0")
            write(path + "/step_0/cgroup.procs", pids)
            if let usage { write(path + "/cpu.stat", usage) }
        }

        func remove(_ base: String, _ id: Int) { ChildProcess.removeTree(root + "/fs/cgroup/" + base + "/job_\(id)") }

        func write(_ path: String, _ text: String) {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            _ = Glibc.write(file, text, text.utf8.count)
            close(file)
        }

        func hook(_ context: String, _ id: Int, microseconds: Int64, cluster: String = "alps") {
            let path = root + "/hooks/\(id).\(microseconds).hook"
            let words = ["wattest-hook/1", context, "SLURM_JOB_ID=\(id)", "SLURM_CLUSTER_NAME=\(cluster)", "end", ""]
            write(path, words.joined(separator: "\0"))
            let seconds = timespec(tv_sec: Int(microseconds / 1_000_000), tv_nsec: Int(microseconds % 1_000_000) * 1000)
            utimensat(AT_FDCWD, path, [seconds, seconds], 0)
        }

        /// What a run of the agent that begins now makes of a hold of the run before.
        mutating func restore(_ known: SlurmWatch.Known, _ second: Int64) -> SlurmWatch.Restored? {
            let now = Moment(nanoseconds: second * 1_000_000_000, utc: UTCTime(microseconds: second * 1_000_000))
            return watch.restore([known], now: now)[known.token]
        }

        mutating func look(_ second: Int64) -> [SlurmWatch.TimedEdge] {
            watch.look(at: Moment(nanoseconds: second * 1_000_000_000, utc: UTCTime(microseconds: second * 1_000_000)))
        }
    }

    private func isBegin(_ edge: SlurmWatch.TimedEdge) -> Bool { if case .begin = edge.edge { true } else { false } }

    @Test(arguments: [
        "system.slice/slurmstepd.scope", "unified/system.slice/n1_slurmstepd.scope", "freezer/slurm_n1/uid_0",
        "cpuacct/slurm/uid_1000",
    ])
    func everyTreeHasItsJobs(base: String) throws {
        try ChildProcess.withDirectory { directory in
            var tree = Tree(directory)
            tree.job(base, 7, pids: "41\n42\n", usage: "usage_usec 1234\nuser_usec 1000\n")
            let first = tree.look(10)
            let second = tree.look(11)
            #expect(first.map(isBegin) == [true] && second.isEmpty)
            let group = tree.watch.known[7]?.group
            var files = GroupFiles()
            let used = group.flatMap { files.cpuMicroseconds(of: $0) }
            #expect(used == 1234)
            #expect(group.map { SlurmGroups.processes(of: $0).pids } == [41, 42])
            tree.remove(base, 7)
            let ended = tree.look(12)
            #expect(ended.map(isBegin) == [false] && ended.first?.moment.nanoseconds == 12_000_000_000)
        }
    }

    @Test func jobsOfAnotherNodeOnTheMachineAreNotOurs() throws {
        try ChildProcess.withDirectory { directory in
            var tree = Tree(directory)
            tree.job("freezer/slurm_n1/uid_0", 1, pids: "41\n")
            tree.job("freezer/slurm_n2/uid_0", 2, pids: "41\n")
            let edges = tree.look(1)
            #expect(edges.count == 1 && tree.watch.known[1] != nil)
        }
    }

    @Test func hooksAreTheEdgesWhereTheyAre() throws {
        try ChildProcess.withDirectory { directory in
            let base = "system.slice/slurmstepd.scope"
            var tree = Tree(directory)
            ChildProcess.makeTree(directory + "/fs/cgroup/" + base)
            _ = tree.look(10)
            tree.hook("prolog_slurmd", 5, microseconds: 10_250_000)
            tree.job(base, 5)
            let begun = tree.look(11)
            #expect(begun.map(\.moment.nanoseconds) == [10_250_000_000] && tree.watch.known[5]?.group != nil)
            // The group goes with the last step; the node is the job's until the epilog.
            tree.remove(base, 5)
            let without = tree.look(12)
            tree.hook("epilog_slurmd", 5, microseconds: 12_600_000)
            let ended = tree.look(13)
            #expect(without.isEmpty && ended.map(\.moment.nanoseconds) == [12_600_000_000])
            // A group that lingers behind its epilog does not begin again, and a job between two looks has both edges.
            tree.hook("prolog_slurmd", 6, microseconds: 13_100_000)
            tree.hook("epilog_slurmd", 6, microseconds: 13_900_000)
            tree.job(base, 6)
            let both = tree.look(14)
            #expect(both.map(isBegin) == [true, false] && tree.watch.known.isEmpty)
            // What its hooks told names it all the same.
            #expect(tree.watch.ended.values.map { $0["SLURM_CLUSTER_NAME"] } == ["alps"])
        }
    }

    /// Written before a look and read behind it: the hold begins with the time that is measured for it.
    @Test(arguments: [(9_998_000, 10_000_000), (8_000_000, 8_000_000), (10_300_000, 10_300_000)] as [(Int64, Int64)])
    func aHookThatALookHasJustMissedBeginsWithIt(written: Int64, since: Int64) throws {
        try ChildProcess.withDirectory { directory in
            var tree = Tree(directory)
            _ = tree.look(10)
            tree.hook("prolog_slurmd", 5, microseconds: written)
            let begun = tree.look(11)
            #expect(tree.watch.known[5]?.since == UTCTime(microseconds: since))
            #expect(begun.map(\.moment.utc.microseconds) == [max(10_000_000, since)])
        }
    }

    @Test func anEpilogThatDoesNotComeIsNotWaitedForForever() throws {
        try ChildProcess.withDirectory { directory in
            let base = "system.slice/slurmstepd.scope"
            var tree = Tree(directory)
            ChildProcess.makeTree(directory + "/fs/cgroup/" + base)
            _ = tree.look(9)
            tree.hook("prolog_slurmd", 5, microseconds: 9_500_000)
            tree.job(base, 5)
            let begun = tree.look(10)
            tree.remove(base, 5)
            let waiting = tree.look(11) + tree.look(60)
            let over = tree.look(80)
            #expect(begun.count == 1 && waiting.isEmpty && over.map(isBegin) == [false])
        }
    }

    @Test func aRestartGoesOnWithTheSameGroupOnly() throws {
        try ChildProcess.withDirectory { directory in
            let base = "system.slice/slurmstepd.scope"
            var tree = Tree(directory)
            tree.job(base, 5, pids: "41\n")
            _ = tree.look(10)
            let kept = try #require(tree.watch.known[5])
            var same = Tree(directory)
            let state = same.restore(kept, 19)
            let edges = same.look(20)
            #expect(state == .held && edges.isEmpty && same.watch.known[5] == kept)
            var other = kept
            other.group?.identity += 1
            var requeued = Tree(directory)
            #expect(requeued.restore(other, 19) == .gone)
        }
    }

    /// What a hook left while no agent ran is the truth about a hold, and about when it ended.
    @Test func aWaitingEpilogEndsARestoredHoldWhenItSays() throws {
        try ChildProcess.withDirectory { directory in
            let base = "system.slice/slurmstepd.scope"
            var tree = Tree(directory)
            ChildProcess.makeTree(directory + "/fs/cgroup/" + base)
            _ = tree.look(9)
            tree.hook("prolog_slurmd", 5, microseconds: 9_500_000)
            _ = tree.look(10)
            let kept = try #require(tree.watch.known[5])
            #expect(kept.hasHook && kept.group == nil)
            // Before anything was removed: the prolog that began it says nothing new.
            var crashed = Tree(directory)
            #expect(crashed.restore(kept, 11) == .held)
            tree.watch.removeHooks()
            tree.hook("epilog_slurmd", 5, microseconds: 12_250_000)
            tree.hook("prolog_slurmd", 6, microseconds: 12_500_000)
            var next = Tree(directory)
            #expect(next.restore(kept, 20) == .doubtful)
            let edges = next.look(20)
            #expect(edges.map(isBegin) == [false, true] || edges.map(isBegin) == [true, false])
            let end = try #require(edges.first { !isBegin($0) })
            #expect(end.ended == UTCTime(microseconds: 12_250_000) && end.moment.nanoseconds == 20_000_000_000)
            #expect(next.watch.known[5] == nil && next.watch.known[6]?.since == UTCTime(microseconds: 12_500_000))
        }
    }

    @Test(arguments: [true, false]) func aGroupThatIsGoneWaitsForItsEpilogOnlyWhereThereIsOne(hasHook: Bool) throws {
        try ChildProcess.withDirectory { directory in
            let base = "system.slice/slurmstepd.scope"
            var tree = Tree(directory)
            tree.job(base, 5, pids: "41\n")
            if hasHook { tree.hook("prolog_slurmd", 5, microseconds: 9_500_000) }
            _ = tree.look(10)
            let kept = try #require(tree.watch.known[5])
            tree.watch.removeHooks()
            tree.remove(base, 5)
            var next = Tree(directory)
            #expect(next.restore(kept, 20) == (hasHook ? .doubtful : .gone))
            #expect(next.look(20).isEmpty && next.look(60).isEmpty)
            let late = next.look(81)
            #expect(late.map(isBegin) == (hasHook ? [false] : []))
        }
    }

    /// In every component of a heterogeneous job the tasks have the leader's number.
    @Test func aTaskOfAComponentTellsOfItsJob() {
        #expect(SlurmWatch.isOfJob(5, TaskEnvironment(["SLURM_JOB_ID": "5"])))
        #expect(SlurmWatch.isOfJob(5, TaskEnvironment(["SLURM_JOB_ID": "4", "SLURM_HET_SIZE": "2"])))
        #expect(!SlurmWatch.isOfJob(5, TaskEnvironment(["SLURM_JOB_ID": "4"])))
        #expect(!SlurmWatch.isOfJob(5, TaskEnvironment(["SLURM_HET_SIZE": "2"])))
    }

    /// With proctrack/linuxproc there is no control group: a step's daemon holds the node while it lives.
    @Test func stepsWithoutAGroupAreJobsToo() throws {
        try ChildProcess.withDirectory { directory in
            var tree = Tree(directory)
            func add(_ pid: Int32) {
                ChildProcess.makeTree(directory + "/proc/\(pid)")
                let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
                tree.write(directory + "/proc/\(pid)/stat", "\(pid) (slurmstepd) S 1 \(zeros) 300 0\n")
            }
            for pid in [41, 42] as [Int32] {
                add(pid)
                let step = LauncherWatch.Step(
                    job: 5, daemon: .init(pid: pid, startTicks: 300), runsTasks: pid == 42,
                    environment: TaskEnvironment(["SLURM_CLUSTER_NAME": "alps"]))
                tree.watch.see(step)
                tree.watch.see(step)
            }
            let begun = tree.look(10)
            #expect(begun.map(isBegin) == [true])
            let known = try #require(tree.watch.known[5])
            #expect(known.group?.daemons == [41, 42] && known.group?.hasTaskDaemon == true)
            #expect(known.environment["SLURM_CLUSTER_NAME"] == "alps")
            #expect(tree.watch.job(ofDaemon: 42)?.token == known.token)
            // One step goes on: the job does.
            ChildProcess.removeTree(directory + "/proc/42")
            let same = tree.look(11)
            #expect(same.isEmpty && tree.watch.known[5]?.group?.hasTaskDaemon == false)
            ChildProcess.removeTree(directory + "/proc/41")
            let ended = tree.look(12)
            #expect(ended.map(isBegin) == [false] && !tree.watch.hasUngrouped)
        }
    }

    /// What an ended job left behind is no job to an agent that starts, unless a process turns up in it or a prolog
    /// tells of it; one that appears while the agent looks on is.
    @Test func anEmptyGroupThatTheFirstLookFindsIsLeftBehind() throws {
        try ChildProcess.withDirectory { directory in
            let base = "system.slice/slurmstepd.scope"
            var tree = Tree(directory)
            for id in [5, 6, 7] { tree.job(base, id) }
            tree.hook("prolog_slurmd", 7, microseconds: 9_500_000)
            let first = tree.look(10)
            #expect(first.map(isBegin) == [true] && Array(tree.watch.known.keys) == [7])
            let second = tree.look(11)
            tree.job(base, 6, pids: "41\n")
            tree.job(base, 8)
            let third = tree.look(12)
            #expect(second.isEmpty && third.map(isBegin) == [true, true])
            #expect(tree.watch.known.keys.sorted() == [6, 7, 8])
        }
    }

    /// The processes of a job that the first look finds tell how long it has been there.
    @Test func theFirstLookOfARunTellsWhenAJobBegan() throws {
        try ChildProcess.withDirectory { directory in
            var tree = Tree(directory)
            tree.job("system.slice/slurmstepd.scope", 5, pids: "41\n")
            ChildProcess.makeTree(directory + "/proc/41")
            let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
            // Field 22, in hundredths of a second: 3 s after the boot.
            tree.write(directory + "/proc/41/stat", "41 (a) S 1 \(zeros) 300 0\n")
            let edges = tree.look(10)
            #expect(tree.watch.known[5]?.since == UTCTime(microseconds: 3_000_000))
            #expect(edges.map(\.moment.nanoseconds) == [10_000_000_000])
        }
    }
}
