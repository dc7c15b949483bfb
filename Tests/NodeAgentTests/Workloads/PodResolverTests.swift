import JSONText
import Synchronization
import Testing
import Wire
import Workloads

@testable import NodeAgent

@Suite struct PodResolverTests {
    private static func pod(_ uid: String, _ name: String, labels: String) throws -> PodObject {
        let text = #"{"metadata": {"uid": "\#(uid)", "name": "\#(name)", "namespace": "acme", "labels": {\#(labels)}}}"#
        return try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
    }

    @Test func podsAreJobsOrNot() async throws {
        let pods = [
            try Self.pod("u1", "train-0", labels: #""job-name": "train""#), try Self.pod("u2", "web", labels: ""),
        ]
        let devices = [
            KubeletPod(
                namespace: "acme", name: "train-0",
                devices: [KubeletDevices(resource: "nvidia.com/gpu", identities: ["GPU-a"])])
        ]
        let resolver = PodResolver(
            sources: .init(pods: { pods }, devices: { devices }), cluster: "k", accounts: AccountMap()
        ) { _ in }
        resolver.ask("~pod/u1/1", uid: "u1")
        resolver.ask("~pod/u2/2", uid: "u2")
        resolver.ask("~pod/u3/3", uid: "u3")
        let found = Dictionary(uniqueKeysWithValues: await resolver.answers(now: 0).map { ($0.token, $0.1) })
        guard case .job(let workload) = found["~pod/u1/1"] else {
            Issue.record("no job")
            return
        }
        #expect(workload.identity.id == "acme/train" && workload.devices == [.identity("GPU-a")])
        #expect(found["~pod/u2/2"] == .noJob && found["~pod/u3/3"] == nil)
        let late = await resolver.answers(now: .max)
        #expect(late.map(\.token) == ["~pod/u3/3"] && late.first?.1 == .noJob)
    }

    @Test func anAPIServerThatIsAwayIsSaidOnce() async {
        struct Away: Error {}
        let lines = Lines()
        let resolver = PodResolver(
            sources: .init(pods: { throw Away() }, devices: { [] }), cluster: "k", accounts: AccountMap()
        ) { lines.add($0) }
        resolver.ask("~pod/u1/1", uid: "u1")
        for _ in 0..<3 { #expect(await resolver.answers(now: 0).isEmpty) }
        #expect(lines.count == 1)
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var count: Int { lines.withLock { $0.count } }
    }
}
