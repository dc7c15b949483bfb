import JSONText
import Synchronization
import Testing
import Wire
import Workloads

@testable import NodeAgent

@Suite struct PodResolverTests {
    private static func pod(_ uid: String, _ name: String, labels: String, limits: String = "") throws -> PodObject {
        let text = #"""
            {"metadata": {"uid": "\#(uid)", "name": "\#(name)", "namespace": "acme", "labels": {\#(labels)}},
             "spec": {"containers": [{"resources": {"limits": {\#(limits)}}}]}}
            """#
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
        let later = await resolver.answers(now: 60_000_000_000)
        #expect(later.isEmpty)
        let late = await resolver.answers(now: 60_000_000_001)
        #expect(late.map(\.token) == ["~pod/u3/3"] && late.first?.1 == .noJob)
    }

    /// One job, and not one of its launcher beside it.
    @Test func aLauncherIsOfTheJobThatItStarts() async throws {
        func pod(_ uid: String, owner: String, _ role: String) throws -> PodObject {
            let text = #"""
                {"metadata": {"uid": "\#(uid)", "name": "llm-\#(role)", "namespace": "acme",
                  "labels": {"training.kubeflow.org/job-name": "llm", "wattest/model": "\#(role)"},
                  "ownerReferences": [{"kind": "\#(owner)", "name": "x", "uid": "of \#(owner)"}]},
                 "spec": {"containers": [{"resources": {"requests": {"cpu": "2"}}}]}}
                """#
            return try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
        }
        let launcher = try pod("u1", owner: "Job", "launcher")
        let services = Services()
        services.place(launcher)
        let resolver = PodResolver(
            sources: .init(
                pods: { [launcher] }, devices: { [] },
                selected: { namespace, selector in
                    #expect(namespace == "acme" && selector == PodSelector("training.kubeflow.org/job-name", "llm"))
                    return services.pods.withLock { $0 ?? [] }
                }), cluster: "k", accounts: AccountMap()
        ) { _ in }
        func job(now: Int64) async -> Workload? {
            guard case .job(let workload) = await resolver.answers(now: now).first?.1 else { return nil }
            return workload
        }
        resolver.ask("~pod/u1/1", uid: "u1", now: 0)
        // Its workers are not there yet.
        #expect(await job(now: 1) == nil)
        let worker = try pod("u2", owner: "MPIJob", "worker")
        services.pods.withLock { $0 = [launcher, worker] }
        let joined = try #require(await job(now: 2))
        #expect(joined.identity.id == "acme/llm/of MPIJob" && joined.labels["model"] == "worker")
        #expect(joined.reservedMillicores == 2000)
        // Workers that never come leave it what it is.
        services.pods.withLock { $0 = [] }
        resolver.ask("~pod/u1/2", uid: "u1", now: 0)
        let alone = try #require(await job(now: 30_000_000_001))
        #expect(alone.identity.id == "acme/llm/of Job")
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

    /// What the two services answer, nil where they are away.
    private final class Services: Sendable {
        struct Away: Error {}
        let pods = Mutex<[PodObject]?>(nil)
        let devices = Mutex<[KubeletPod]?>(nil)

        func resolver() -> PodResolver {
            PodResolver(
                sources: .init(
                    pods: { try self.pods.withLock { pods in try pods ?? { throw Away() }() } },
                    devices: { try self.devices.withLock { devices in try devices ?? { throw Away() }() } }),
                cluster: "k", accounts: AccountMap()
            ) { _ in }
        }

        func place(_ pod: PodObject) { pods.withLock { $0 = [pod] } }
        func give(_ identities: [String]) {
            let gpus = KubeletDevices(resource: "nvidia.com/gpu", identities: identities)
            devices.withLock { $0 = [KubeletPod(namespace: "acme", name: "train-0", devices: [gpus])] }
        }
    }

    private static let minute: Int64 = 60_000_000_000

    @Test func anAPIServerThatIsAwayForAnHourMakesNoJobNobodys() async throws {
        let services = Services()
        let resolver = services.resolver()
        resolver.ask("~pod/u1/1", uid: "u1", now: 0)
        #expect(resolver.pauseMilliseconds == 1000)
        var pauses: [Int64] = []
        for minutes in 0..<60 {
            #expect(await resolver.answers(now: Int64(minutes) * Self.minute).isEmpty)
            pauses.append(resolver.pauseMilliseconds)
        }
        #expect(pauses.prefix(7) == [2000, 4000, 8000, 16000, 32000, 60000, 60000] && pauses.last == 60000)
        services.place(try Self.pod("u1", "train-0", labels: #""job-name": "train""#))
        guard case .job = await resolver.answers(now: 60 * Self.minute).first?.1 else {
            Issue.record("no job")
            return
        }
        #expect(resolver.pauseMilliseconds == 1000)
    }

    @Test func aKubeletThatIsAwayLeavesNoJobWithoutItsDevices() async throws {
        let services = Services()
        let resolver = services.resolver()
        let gpu = #""cpu": "2", "nvidia.com/gpu": "1""#
        services.place(try Self.pod("u1", "train-0", labels: #""job-name": "train""#, limits: gpu))
        resolver.ask("~pod/u1/1", uid: "u1", now: 0)
        #expect(await resolver.answers(now: Self.minute / 2).isEmpty)
        // Its name does not wait for longer than its batches can.
        let named = await resolver.answers(now: Self.minute / 2 + 1)
        guard case .job(let bare) = named.first?.1 else {
            Issue.record("no job")
            return
        }
        #expect(named.count == 1 && bare.devices.isEmpty)
        #expect(await resolver.answers(now: 30 * Self.minute).isEmpty)
        services.give(["GPU-a"])
        guard case .job(let whole) = await resolver.answers(now: 31 * Self.minute).first?.1 else {
            Issue.record("no devices")
            return
        }
        #expect(whole.devices == [.identity("GPU-a")] && whole.identity == bare.identity)
        #expect(await resolver.answers(now: 32 * Self.minute).isEmpty)
    }

    @Test func aKubeletThatTellsOfNoDevicesIsBelieved() async throws {
        let services = Services()
        let resolver = services.resolver()
        let limits = #""example.com/licence": "1""#
        services.place(try Self.pod("u1", "train-0", labels: #""job-name": "train""#, limits: limits))
        services.give([])
        resolver.ask("~pod/u1/1", uid: "u1", now: 0)
        #expect(await resolver.answers(now: 0).isEmpty)
        #expect(await resolver.answers(now: Self.minute / 2 + 1).count == 1)
        services.give(["GPU-late"])
        #expect(await resolver.answers(now: Self.minute / 2 + 2).count == 1)
        #expect(await resolver.answers(now: 9 * Self.minute).isEmpty)
    }

    @Test func questionsAreBounded() async throws {
        let services = Services()
        let resolver = services.resolver()
        services.pods.withLock { $0 = [] }
        for number in 0..<(PodResolver.maximumQuestions + 10) {
            resolver.ask("~pod/u\(number)/1", uid: "u\(number)", now: Int64(number))
        }
        #expect(await resolver.answers(now: 0).isEmpty)
        let given = await resolver.answers(now: 2 * Self.minute)
        #expect(given.count == PodResolver.maximumQuestions && !given.contains { $0.token == "~pod/u9/1" })
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var count: Int { lines.withLock { $0.count } }
    }
}
