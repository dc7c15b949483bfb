import Testing
import Workloads

/// Paths as pkg/kubelet/cm of Kubernetes and the container runtimes write them.
@Suite struct PodGroupTests {
    private static let uid = "0a1b2c3d-1111-2222-3333-444455556666"
    private static let escaped = "0a1b2c3d_1111_2222_3333_444455556666"
    private static let container = String(repeating: "0f", count: 32)

    @Test(arguments: [
        ("/kubepods/pod\(uid)", PodGroup(uid: uid, service: .guaranteed)),
        ("/kubepods/burstable/pod\(uid)/\(container)", PodGroup(uid: uid, service: .burstable, container: container)),
        (
            "/kubepods/besteffort/pod\(uid)/crio-\(container)",
            PodGroup(uid: uid, service: .besteffort, container: container)
        ),
        (
            "/kubepods.slice/kubepods-pod\(escaped).slice/cri-containerd-\(container).scope",
            PodGroup(uid: uid, service: .guaranteed, container: container)
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(escaped).slice/docker-\(container).scope",
            PodGroup(uid: uid, service: .burstable, container: container)
        ),
        (
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/pod\(uid)/x",
            PodGroup(uid: uid, service: .besteffort)
        ),
        (
            "/kubepods/burstable/pod0123456789abcdef0123456789abcdef",
            PodGroup(uid: "0123456789abcdef0123456789abcdef", service: .burstable)
        ),
    ])
    func everyDriverAndClass(path: String, group: PodGroup) {
        #expect(PodGroup(controlGroup: path) == group)
    }

    @Test(arguments: [
        "", "/", "/kubepods", "/kubepods/burstable", "/kubepods/podx", "/user.slice/pod\(uid)", "/pod\(uid)",
        "/kubepods/burstable/pod\(uid.dropLast(8))", "/system.slice/kubelet.service",
    ])
    func otherPathsAreNoPods(path: String) {
        #expect(PodGroup(controlGroup: path) == nil)
    }
}
