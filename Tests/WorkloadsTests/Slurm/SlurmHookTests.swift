import Testing
import Workloads

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

@Suite struct SlurmHookTests {
    private func bytes(_ words: [String]) -> [UInt8] { words.flatMap { Array($0.utf8) + [0] } }

    @Test func aPrologIsABeginning() throws {
        let hook = try #require(
            SlurmHook(
                bytes: bytes([
                    "wattest-hook/1", "prolog_slurmd", "SLURM_JOB_ID=5", "SLURM_JOB_COMMENT=a\nSLURM_JOB_ID=6", "end",
                ]),
                utcMicroseconds: 9))
        #expect(hook.edge == .begin && hook.job == 5 && hook.utcMicroseconds == 9)
        #expect(hook.environment["SLURM_JOB_COMMENT"] == "a\nSLURM_JOB_ID=6")
    }

    @Test(arguments: [
        [], ["wattest-hook/1"], ["wattest-hook/1", "prolog_slurmd", "SLURM_JOB_ID=5"],
        ["wattest-hook/1", "prolog_slurmd", "SLURM_JOB_ID=x", "end"],
        ["wattest-hook/2", "prolog_slurmd", "SLURM_JOB_ID=5", "end"],
        ["wattest-hook/1", "task_prolog", "SLURM_JOB_ID=5", "end"],
        ["wattest-hook/1", "prolog_slurmd", "SLURM_JOB_ID=0", "end"],
    ])
    func aPartOfAFileIsNone(words: [String]) {
        #expect(SlurmHook(bytes: bytes(words), utcMicroseconds: 0) == nil)
    }

    /// Files come in the order of their times, whatever the directory's is: an edge behind the limit is a later one.
    @Test func theOldestAreReadFirst() throws {
        let directory = "/tmp/wattest-hook-order.\(getpid())"
        mkdir(directory, 0o700)
        defer { _ = CommandOutput(path: "/bin/rm").read(["-r", directory]) }
        for job in 1...6 {
            let path = "\(directory)/\(job).hook"
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            let text = bytes(["wattest-hook/1", "prolog_slurmd", "SLURM_JOB_ID=\(job)", "end"])
            #expect(write(file, text, text.count) == text.count)
            close(file)
            let times = Array(repeating: timespec(tv_sec: 1000 - job, tv_nsec: 0), count: 2)
            utimensat(AT_FDCWD, path, times, 0)
        }
        let (first, names) = SlurmHook.read(in: directory, limit: 4)
        #expect(first.map(\.job) == [6, 5, 4, 3])
        #expect(SlurmHook.read(in: directory, except: Set(names), limit: 4).hooks.map(\.job) == [2, 1])
    }

    /// The hook itself, as Slurm runs it.
    @Test func theScriptLeavesItsEdge() throws {
        let directory = "/tmp/wattest-hook-test.\(getpid())"
        mkdir(directory, 0o700)
        defer { _ = CommandOutput(path: "/bin/rm").read(["-r", directory]) }
        let script =
            #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 } + "/deploy/slurm/wattest-hook"
        let settings = [
            "WATTEST_HOOK_DIR": directory, "SLURM_JOB_ID": "77", "SLURM_SCRIPT_CONTEXT": "epilog_slurmd",
            "SLURM_JOB_COMMENT": "it's $(reboot) \"x\"\n`y`", "SLURM_JOB_GPUS": "0,1",
        ]
        #expect(CommandOutput(path: "/bin/sh", environment: settings).read([script]) == "")
        let (hooks, names) = SlurmHook.read(in: directory)
        #expect(hooks.map(\.job) == [77] && hooks.first?.edge == .end)
        // Nothing is read twice, and it lies there until what it tells is remembered.
        #expect(SlurmHook.read(in: directory, except: Set(names)).hooks.isEmpty)
        SlurmHook.remove(names, from: directory)
        #expect(hooks.first?.environment["SLURM_JOB_COMMENT"] == "it's $(reboot) \"x\"\n`y`")
        #expect(FileTree.names(in: directory) == [])
        // Without a directory, or without a job, it still ends well.
        var absent = settings
        absent["WATTEST_HOOK_DIR"] = directory + "/none"
        #expect(CommandOutput(path: "/bin/sh", environment: absent).read([script]) == "")
        #expect(CommandOutput(path: "/bin/sh", environment: ["WATTEST_HOOK_DIR": directory]).read([script]) == "")
    }
}
