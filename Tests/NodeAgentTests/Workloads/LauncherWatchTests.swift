import Batches
import Glibc
import Testing

@testable import NodeAgent

/// Processes of launchers in a /proc of the test's own.
@Suite struct LauncherWatchTests {
    private struct Proc {
        let root: String

        func write(_ path: String, _ text: String) {
            let file = open(root + "/" + path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            _ = Glibc.write(file, text, text.utf8.count)
            close(file)
        }

        func add(
            _ pid: Int32, _ environment: [String], start: Int = 100, parent: Int32 = 1, state: String = "S",
            flags: Int = 0
        ) {
            mkdir(root + "/\(pid)", 0o700)
            write("\(pid)/environ", environment.joined(separator: "\0") + "\0")
            write(
                "\(pid)/stat",
                "\(pid) (python) \(state) \(parent) 1 1 0 -1 \(flags) 0 0 0 0 5 5 0 0 20 0 1 0 \(start) 0 0\n")
            write("\(pid)/status", "Name:\tpython\nUid:\t1000\t1000\t1000\t1000\n")
            write("\(pid)/cgroup", "0::/user.slice\n")
        }

        func end(_ pid: Int32) { ChildProcess.removeTree(root + "/\(pid)") }
        func setNewest(_ pid: Int32) { write("loadavg", "0.00 0.01 0.05 1/123 \(pid)\n") }
        func linkSelf(_ pid: Int32) { symlink("\(pid)", root + "/self") }
    }

    private static let torch = ["TORCHELASTIC_RUN_ID=run-7", "GROUP_RANK=0", "GROUP_WORLD_SIZE=2"]

    private func withProc(_ body: (Proc, inout LauncherWatch) throws -> Void) throws {
        try ChildProcess.withDirectory { directory in
            var watch = LauncherWatch(
                processes: ProcessTable(procfsRoot: directory, ticksPerSecond: 100), site: "here", node: "n1")
            try body(Proc(root: directory), &watch)
        }
    }

    /// So many looks, as the measuring thread makes them.
    private func look(_ watch: inout LauncherWatch, times: Int = 2) -> [LauncherWatch.Change] {
        (0..<times).flatMap { _ in watch.look() }
    }

    private func ids(_ changes: [LauncherWatch.Change]) -> [String] {
        changes.map { change in
            switch change {
            case .found(let found): "+" + found.request.key.id
            case .gone: "-"
            case .step(let step): "\(step.job):\(step.daemon.pid):\(step.runsTasks)"
            }
        }
    }

    @Test func processesAreFoundAndEnd() throws {
        try withProc { proc, watch in
            proc.add(41, ["HOME=/"])
            proc.add(42, Self.torch)
            let seen1 = look(&watch)
            #expect(ids(seen1) == ["+run-7"])
            let seen2 = look(&watch)
            #expect(seen2.isEmpty)
            proc.end(42)
            let seen3 = look(&watch)
            #expect(ids(seen3) == ["-"])
        }
    }

    @Test func nothingIsListedWhileNoProcessIsMade() throws {
        try withProc { proc, watch in
            proc.linkSelf(getpid())
            proc.setNewest(40)
            let seen4 = look(&watch)
            #expect(seen4.isEmpty)
            // A process that the kernel's count does not know is not looked for, for twenty seconds.
            proc.add(41, Self.torch)
            let seen5 = look(&watch, times: 18)
            #expect(seen5.isEmpty)
            let seen6 = look(&watch)
            #expect(ids(seen6) == ["+run-7"])
            // One that it knows is found at the next look, and one that ends is missed without a list.
            proc.add(43, Self.torch.map { $0.replacing("run-7", with: "run-8") })
            proc.setNewest(43)
            let seen7 = look(&watch)
            #expect(ids(seen7) == ["+run-8"])
            proc.end(41)
            let seen8 = look(&watch)
            #expect(ids(seen8) == ["-"])
        }
    }

    @Test func theCountOfAnotherNamespaceIsNotBelieved() throws {
        try withProc { proc, watch in
            proc.linkSelf(getpid() + 1)
            proc.setNewest(40)
            let seen9 = look(&watch)
            #expect(seen9.isEmpty)
            proc.add(41, Self.torch)
            let seen10 = look(&watch)
            #expect(ids(seen10) == ["+run-7"])
        }
    }

    @Test func aFullNodeIsOpenedInPortions() throws {
        try withProc { proc, watch in
            proc.linkSelf(getpid())
            proc.setNewest(300)
            for pid in 100..<300 { proc.add(Int32(pid), Self.torch + ["TORCHELASTIC_RESTART_COUNT=\(pid)"]) }
            let portions = (0..<4).map { _ in look(&watch).count }
            #expect(portions.allSatisfy { $0 <= 64 } && portions.reduce(0, +) == 200)
        }
    }

    @Test func aPidThatIsUsedAgainEndsTheClaim() throws {
        try withProc { proc, watch in
            proc.add(42, Self.torch)
            _ = look(&watch)
            proc.add(42, ["HOME=/"], start: 999)
            let seen12 = look(&watch)
            #expect(ids(seen12) == ["-"])
            let seen13 = look(&watch)
            #expect(seen13.isEmpty)
        }
    }

    @Test func aProcessGetsItsEnvironmentAMomentAfterItIsMade() throws {
        try withProc { proc, watch in
            // Between fork and execve it has its parent's.
            proc.add(42, ["HOME=/"])
            let before = look(&watch)
            #expect(before.isEmpty)
            proc.add(42, Self.torch)
            let after = look(&watch)
            #expect(ids(after) == ["+run-7"])
            proc.end(42)
            let end = look(&watch)
            #expect(ids(end) == ["-"])
        }
    }

    @Test func aScriptAroundARankMaySetItsDevices() throws {
        try withProc { proc, watch in
            proc.add(42, Self.torch)
            let first = look(&watch)
            proc.add(42, Self.torch + ["CUDA_VISIBLE_DEVICES=GPU-a"])
            let again = look(&watch)
            guard case .found(let plain)? = first.first, case .found(let placed)? = again.first else {
                Issue.record("\(first) \(again)")
                return
            }
            #expect(plain.claim == placed.claim && again.count == 1)
            #expect(plain.request.devices.isEmpty && placed.request.devices == ["nvml:GPU-a"])
            // Another program in its place, of another job.
            proc.add(43, Self.torch)
            _ = look(&watch)
            proc.add(43, ["TORCHELASTIC_RUN_ID=run-9"])
            let other = look(&watch)
            #expect(ids(other) == ["-", "+run-9"])
        }
    }

    @Test func ranksOfHydraAreKnownByWhoStartedThem() throws {
        try withProc { proc, watch in
            proc.add(40, [])
            proc.write(
                "40/cmdline", "/usr/bin/hydra_pmi_proxy\0--control-port\0login1:44557\0--pgid\0" + "0\0")
            let rank = ["PMI_RANK=3", "PMI_SIZE=4", "PMI_FD=6", "MPI_LOCALNRANKS=2"]
            proc.add(41, rank, parent: 40)
            // A child of the rank, and a rank of nobody.
            proc.add(42, rank, parent: 41)
            proc.add(43, rank)
            let found = look(&watch)
            #expect(ids(found) == ["+login1:44557", "+login1:44557"])
        }
    }

    /// Told by hand, without a client of the agent: what `wattest exec` starts has a claim already.
    @Test func aJobThatItsEnvironmentNamesIsFound() throws {
        try withProc { proc, watch in
            proc.add(42, ["WATTEST_JOB=mine", "WATTEST_MODEL=atlas"] + Self.torch)
            proc.add(43, ["WATTEST_JOB=c/exec/whole@7"])
            proc.add(44, ["WATTEST_JOB=mine", "WATTEST_EXEC=1"])
            let found = look(&watch).compactMap { change -> ClaimRequest? in
                if case .found(let found) = change { found.request } else { nil }
            }
            #expect(Set(found.map(\.key.description)) == ["here/exec/mine@-", "c/exec/whole@7"])
            #expect(found.first { $0.key.id == "mine" }?.labels["model"] == "atlas")
        }
    }

    @Test func aTaskInNoGroupTellsOfItsStepByTheDaemonAboveIt() throws {
        try withProc { proc, watch in
            let task = ["SLURM_JOB_ID=5", "SLURM_PROCID=0"] + Self.torch
            proc.add(40, [])
            proc.write("40/cmdline", "slurmstepd: [5.0]\0")
            proc.add(41, task, parent: 40)
            proc.add(45, [])
            proc.write("45/cmdline", "slurmstepd: [6.extern]\0")
            proc.add(46, task, parent: 45)
            // In a group of Slurm's, and below no daemon: what a shell on a login node has.
            proc.add(47, task, parent: 40)
            proc.write("47/cgroup", "0::/system.slice/slurmstepd.scope/job_5/step_0/user/task_0\n")
            proc.add(48, task)
            let found = Set(ids(look(&watch)))
            #expect(found == ["5:40:true", "6:45:false"])
        }
    }

    /// A task that ends between the reading of its environment and of its groups is in the root group of cgroup v1.
    @Test func aTaskThatEndsTellsOfNoStep() throws {
        try withProc { proc, watch in
            proc.add(40, [])
            proc.write("40/cmdline", "slurmstepd: [5.batch]\0")
            let task = ["SLURM_JOB_ID=5", "SLURM_PROCID=0"]
            proc.add(41, task, parent: 40, flags: 0x20_0004)
            proc.add(42, task, parent: 40, state: "Z")
            #expect(look(&watch).isEmpty)
            proc.add(43, task, parent: 40, flags: 0x40_0040)
            #expect(ids(look(&watch)).contains("5:40:true"))
        }
    }

    @Test func aRestartOfTheLauncherIsAnotherAttempt() throws {
        try withProc { proc, watch in
            proc.add(42, Self.torch + ["TORCHELASTIC_RESTART_COUNT=0"])
            let first = look(&watch)
            proc.end(42)
            proc.add(43, Self.torch + ["TORCHELASTIC_RESTART_COUNT=1"])
            let second = look(&watch)
            #expect(ids(second) == ["-", "+run-7"])
            guard case .found(let old)? = first.first, case .found(let new)? = second.last else { return }
            #expect(old.request.attempt == 0 && new.request.attempt == 1)
            #expect(old.request.key == new.request.key)
        }
    }
}
