import Glibc
import Testing

@testable import Workloads

/// A job's control group in a directory of the test's own.
@Suite struct GroupFilesTests {
    private func withGroup(_ body: (_ path: String, SlurmGroups.Job) throws -> Void) throws {
        var template = Array("/tmp/wattest-groups-XXXXXX".utf8CString)
        let root = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { CommandOutput(path: "/bin/rm").read(["-r", root]).map { _ in } }
        try body(root, SlurmGroups.Job(id: 7, directories: [root], identity: 1))
    }

    private func write(_ path: String, _ text: String) {
        var made = ""
        for part in path.split(separator: "/").dropLast() {
            made += "/" + part
            mkdir(made, 0o700)
        }
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    @Test(arguments: [("cpu.stat", "usage_usec ", 1), ("cpuacct.usage", "", 1000)])
    func timeIsReadFromTheFileThatIsHeld(name: String, prefix: String, scale: Int) throws {
        try withGroup { path, job in
            var files = GroupFiles()
            let seen1 = files.cpuMicroseconds(of: job)
            #expect(seen1 == nil)
            for microseconds in [0, 1234, 99_999_999_999] {
                write(path + "/" + name, "\(prefix)\(microseconds * scale)\nuser_usec 5\n")
                let seen2 = files.cpuMicroseconds(of: job)
                #expect(seen2 == Int64(microseconds))
            }
            for junk in ["", "usage", "\(prefix)99999999999999999999999\n"] {
                write(path + "/" + name, junk)
                let seen3 = files.cpuMicroseconds(of: job)
                #expect(seen3 == nil)
            }
        }
    }

    @Test func theUnifiedTimeOfAV1GroupIsNotTaken() throws {
        try withGroup { path, job in
            // cpu.stat of the v1 controller cpu counts throttling, not use.
            write(path + "/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n")
            write(path + "/cpuacct.usage", "5000\n")
            var files = GroupFiles()
            let seen4 = files.cpuMicroseconds(of: job)
            #expect(seen4 == 5)
        }
    }

    @Test func tasksAreSeenWhereverTheyAreAndTheExternStepIsNone() throws {
        try withGroup { path, job in
            var files = GroupFiles()
            write(path + "/step_extern/task_0/cgroup.procs", "11\n")
            let seen5 = files.runsTasks(job)
            #expect(!seen5)
            write(path + "/step_0/user/task_0/cgroup.procs", "12\n")
            let seen6a = files.runsTasks(job)
            let seen6b = files.runsTasks(job)
            #expect(seen6a && seen6b)
            // The task ends, another step has one.
            write(path + "/step_0/user/task_0/cgroup.procs", "")
            let seen7 = files.runsTasks(job)
            #expect(!seen7)
            write(path + "/step_batch/cgroup.procs", "13\n")
            let seen8 = files.runsTasks(job)
            #expect(seen8)
        }
    }

    @Test func aDirectoryIsListedWithWhatTellsItsEntriesApart() throws {
        try withGroup { path, _ in
            write(path + "/a/x", "")
            write(path + "/123/x", "")
            write(path + "/.hidden", "")
            let entries = try #require(FileTree.entries(in: path)).sorted { $0.name < $1.name }
            #expect(entries.map(\.name) == ["123", "a"])
            #expect(entries.map(\.identity) == ["123", "a"].map { FileTree.identity(of: path + "/" + $0) })
            #expect(FileTree.processes(in: path) == [123])
            #expect(FileTree.entries(in: path + "/gone") == nil && FileTree.processes(in: path + "/gone") == nil)
        }
    }
}
