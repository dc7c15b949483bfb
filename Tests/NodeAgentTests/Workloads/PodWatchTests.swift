import Energy
import Testing

@testable import NodeAgent

/// Groups of pods where the kubelet puts them, with both drivers, in every class and below `--cgroup-root`.
@Suite struct PodWatchTests {
    private static let uid = "0a1b2c3d-1111-2222-3333-444455556666"
    private static let escaped = "0a1b2c3d_1111_2222_3333_444455556666"

    private func moment(_ second: Int64) -> Moment {
        Moment(nanoseconds: second * 1_000_000_000, utc: UTCTime(microseconds: second * 1_000_000))
    }

    @Test(arguments: [
        "cpu,cpuacct/kubepods/pod\(uid)", "kubepods/burstable/pod\(uid)", "unified/kubepods/besteffort/pod\(uid)",
        "kubepods.slice/kubepods-pod\(escaped).slice",
        "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(escaped).slice",
        "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
            + "kubelet-kubepods-besteffort-pod\(escaped).slice",
        "kubelet/kubepods/burstable/pod\(uid)", "memory/n1/kubepods/pod\(uid)",
    ])
    func everyTreeHasItsPods(path: String) throws {
        try ChildProcess.withDirectory { directory in
            var watch = PodWatch(sysfsRoot: directory)
            let group = directory + "/fs/cgroup/" + path
            ChildProcess.makeTree(group)
            let first = watch.look(at: moment(1))
            let second = watch.look(at: moment(2))
            #expect(first.count == 1 && second.isEmpty)
            #expect(watch.known[Self.uid]?.directories == [group])
            ChildProcess.removeTree(group)
            let ended = watch.look(at: moment(3))
            #expect(ended.count == 1 && watch.known.isEmpty)
        }
    }

    @Test func bothDriversMayBeOnOneNode() throws {
        try ChildProcess.withDirectory { directory in
            var watch = PodWatch(sysfsRoot: directory)
            let other = String(Self.uid.reversed().map { $0 == "-" ? "-" : "7" })
            ChildProcess.makeTree(directory + "/fs/cgroup/cpu,cpuacct/kubepods/pod\(Self.uid)")
            ChildProcess.makeTree(directory + "/fs/cgroup/memory/kubepods/pod\(Self.uid)")
            ChildProcess.makeTree(
                directory + "/fs/cgroup/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod"
                    + other.replacing("-", with: "_") + ".slice")
            let found = watch.look(at: moment(1))
            #expect(found.count == 2 && Set(watch.known.keys) == [Self.uid, other])
            #expect(watch.known[Self.uid]?.directories.first?.contains("cpuacct") == true)
        }
    }

    @Test func aTreeThatComesLaterIsFound() throws {
        try ChildProcess.withDirectory { directory in
            var watch = PodWatch(sysfsRoot: directory)
            ChildProcess.makeTree(directory + "/fs/cgroup/user.slice")
            let none = watch.look(at: moment(1))
            ChildProcess.makeTree(directory + "/fs/cgroup/kubepods/pod\(Self.uid)")
            let later = (2..<10).flatMap { watch.look(at: moment($0)) }
            #expect(none.isEmpty && later.count == 1)
        }
    }
}
