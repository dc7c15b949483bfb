package import Identity
import JSONText
import PinnedHTTPS
import Synchronization
import Wire
package import Workloads

/// Finds out which jobs the pods of this node belong to: labels from the API server, devices from the kubelet.
///
/// A task that asks only while there is a pod without a name: one list of this node's pods, in pages, and one list of
/// devices. A read-only service account that may list pods is enough.
///
/// Silence is no answer: while the API server is away every question stays, asked ever less often, up to once a minute.
/// A pod that wants devices which the kubelet does not tell of is named without them after a while, so that its batches
/// can be signed, and told again when they are known.
package final class PodResolver: Sendable {
    package struct Configuration: Sendable {
        package var server: NetworkAddress
        package var authority: IdentityCertificate
        /// Read at each request: the kubelet renews it.
        package var tokenFile: String
        /// This node's name in the cluster.
        package var node: String
        package var kubeletSocket: String
        /// The name of the cluster in job keys.
        package var cluster: String
        package var accounts: AccountMap

        package init(
            server: NetworkAddress, authority: IdentityCertificate, tokenFile: String, node: String,
            kubeletSocket: String = KubeletPods.socketPath, cluster: String, accounts: AccountMap
        ) {
            self.server = server
            self.authority = authority
            self.tokenFile = tokenFile
            self.node = node
            self.kubeletSocket = kubeletSocket
            self.cluster = cluster
            self.accounts = accounts
        }
    }

    /// Where the answers come from.
    struct Sources: Sendable {
        var pods: @Sendable () async throws -> [PodObject]
        var devices: @Sendable () async throws -> [KubeletPod]
        /// Pods of a name space, on any node.
        var selected: @Sendable (_ namespace: String, PodSelector) async throws -> [PodObject] = { _, _ in [] }
    }

    enum Answer: Sendable, Hashable {
        case job(Workload)
        /// A service or a daemon, or a pod that the API server does not know: its share is nobody's.
        case noJob
    }

    private struct Question {
        var uid: String
        var askedNanoseconds: Int64
        /// When the API server first answered without the pod, or the kubelet without its devices.
        var missedNanoseconds: Int64?
        /// Its job was told, without devices.
        var isNamed = false

        /// Whether it was missed for longer than what can be late.
        mutating func isMissed(at now: Int64) -> Bool {
            let since = missedNanoseconds ?? now
            missedNanoseconds = since
            return now &- since > PodResolver.patienceNanoseconds
        }
    }

    private let sources: Sources
    private let cluster: String
    private let accounts: AccountMap
    /// What the log says of accounts, where there is more than the node's own word.
    private let signed: SignedAccounts?
    private let questions = Mutex<[String: Question]>([:])
    private let report: @Sendable (String) -> Void
    private let lastFault = Mutex("")

    private let failures = Mutex(0)

    /// A list that was made before the pod, or a kubelet that has not told its plugins' devices yet, is so old at most.
    static let patienceNanoseconds: Int64 = 60_000_000_000
    /// A name waits so long for its devices, or for the job that the pod starts: less than a batch waits for a name.
    static let devicesPatienceNanoseconds: Int64 = 30_000_000_000
    private static let shortestPauseMilliseconds: Int64 = 1000
    private static let longestPauseMilliseconds: Int64 = 60_000
    /// More pods than a node can begin while its API server is away; behind that the oldest question is given up.
    static let maximumQuestions = 4096
    /// Pods that start others' jobs are few; each costs a request.
    private static let maximumSelections = 8

    init(
        sources: Sources, cluster: String, accounts: AccountMap, signed: SignedAccounts? = nil,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.sources = sources
        self.cluster = cluster
        self.accounts = accounts
        self.signed = signed
        self.report = report
    }

    /// - Parameter accounts: whose namespaces are whose; nil takes the configuration's.
    package convenience init(
        _ configuration: Configuration, accounts: SignedAccounts? = nil, report: @escaping @Sendable (String) -> Void
    ) {
        self.init(
            sources: Sources(
                pods: { try await PodList.read(configuration) },
                devices: { try await KubeletPods.list(socket: configuration.kubeletSocket) },
                selected: { try await PodList.read(configuration, in: $0, $1) }),
            cluster: configuration.cluster, accounts: configuration.accounts, signed: accounts, report: report)
    }

    func ask(_ token: String, uid: String, now: Int64 = AgentEnvironment.bootNanoseconds()) {
        questions.withLock { questions in
            if questions.count >= Self.maximumQuestions,
                let oldest = questions.min(by: { $0.value.askedNanoseconds < $1.value.askedNanoseconds })
            {
                questions[oldest.key] = nil
            }
            questions[token] = Question(uid: uid, askedNanoseconds: now)
        }
    }

    /// How long to wait for the next round: a second, twice as long with each failure in a row, at most a minute.
    var pauseMilliseconds: Int64 {
        let doublings = min(failures.withLock { $0 }, 6)
        return min(Self.longestPauseMilliseconds, Self.shortestPauseMilliseconds << Int64(doublings))
    }

    /// Runs until it is cancelled.
    func run(answer: @Sendable (_ token: String, Answer) -> Void) async {
        while !Task.isCancelled {
            if questions.withLock({ !$0.isEmpty }) {
                let now = AgentEnvironment.bootNanoseconds()
                for (token, found) in await answers(now: now) { answer(token, found) }
            }
            do {
                // Spread, because all nodes of a cluster miss its API server at once.
                let pause = pauseMilliseconds
                let spread = pause > Self.shortestPauseMilliseconds ? AgentEnvironment.jitter() : 0
                try await AgentEnvironment.pause(milliseconds: pause + spread)
            } catch {
                return
            }
        }
    }

    /// One round: what can be told now.
    func answers(now: Int64) async -> [(token: String, Answer)] {
        let pods: [String: PodObject]
        do {
            pods = Dictionary(try await sources.pods().map { ($0.uid, $0) }) { $1 }
        } catch {
            failures.withLock { $0 += 1 }
            tell("the API server does not tell of this node's pods: \(error)")
            return []
        }
        let asked = questions.withLock { Set($0.values.map(\.uid)) }.compactMap { pods[$0] }
        let devices = await devices(areWanted: asked.contains(where: \.wantsDevices))
        let workers = await workers(of: asked)
        failures.withLock { $0 = devices == nil ? $0 + 1 : 0 }
        return questions.withLock { questions in
            var found: [(String, Answer)] = []
            for (token, question) in questions {
                var next: Question? = question
                let uid = question.uid
                if let answer = answer(&next, pods[uid], workers[uid], devices, now) { found.append((token, answer)) }
                questions[token] = next
            }
            return found
        }
    }

    /// The devices of this node's pods, by name space and name; nil where the kubelet does not answer. One that is not
    /// needed is not complained about: a node without devices may have no such socket.
    private func devices(areWanted: Bool) async -> [String: [DeviceReference]]? {
        do {
            let pods = try await sources.devices().map { pod in
                (
                    "\(pod.namespace)/\(pod.name)",
                    pod.devices.flatMap(\.identities).map { DeviceReference(deviceID: $0) }
                )
            }
            return Dictionary(pods) { $1 }
        } catch {
            guard areWanted else { return [:] }
            tell("the kubelet does not tell which devices this node's pods have: \(error)")
            return nil
        }
    }

    /// A pod of the work that each of these pods only starts, by their UIDs.
    private func workers(of pods: [PodObject]) async -> [String: PodObject] {
        var found: [String: PodObject] = [:]
        for pod in pods.filter({ $0.workers != nil }).prefix(Self.maximumSelections) {
            guard let selector = pod.workers else { continue }
            do {
                let selected = try await sources.selected(pod.namespace, selector)
                found[pod.uid] = selected.first { $0.namespace == pod.namespace && $0.workers == nil }
            } catch {
                tell("the API server does not tell which pods \(pod.namespace)/\(pod.name) starts: \(error)")
            }
        }
        return found
    }

    /// The job of a pod: that of its workers where it only starts them.
    private func workload(of pod: PodObject, _ worker: PodObject?) -> Workload? {
        let accounts = signed?.map ?? accounts
        guard let own = pod.workload(cluster: cluster, accounts: accounts)?.named(by: accounts) else { return nil }
        guard var joined = worker?.workload(cluster: cluster, accounts: accounts)?.named(by: accounts) else {
            return own
        }
        joined.reservedMillicores = own.reservedMillicores
        joined.rank = nil
        joined.labels.merge(own.labels.filter { JobLabels.known.contains($0.key) }) { first, _ in first }
        return joined
    }

    /// What can be said of one pod; the question becomes nil when nothing is left to ask.
    private func answer(
        _ question: inout Question?, _ pod: PodObject?, _ worker: PodObject?,
        _ devices: [String: [DeviceReference]]?, _ now: Int64
    ) -> Answer? {
        guard var asked = question else { return nil }
        defer { if question != nil { question = asked } }
        guard let pod else {
            guard asked.isMissed(at: now) else { return nil }
            question = nil
            return asked.isNamed ? nil : .noJob
        }
        guard var workload = workload(of: pod, worker) else {
            question = nil
            return .noJob
        }
        let isPatient = now &- asked.askedNanoseconds <= Self.devicesPatienceNanoseconds
        if pod.workers != nil, worker == nil, isPatient { return nil }
        workload.devices = devices?["\(pod.namespace)/\(pod.name)"] ?? []
        let isComplete = !workload.devices.isEmpty || !pod.wantsDevices
        if isComplete || (devices != nil && asked.isMissed(at: now)) {
            question = nil
            return isComplete || !asked.isNamed ? .job(workload) : nil
        }
        guard !asked.isNamed, !isPatient else { return nil }
        asked.isNamed = true
        return .job(workload)
    }

    private func tell(_ text: String) {
        let isNew = lastFault.withLock { last in
            defer { last = text }
            return last != text
        }
        if isNew { report(text) }
    }
}

/// `GET` of pods, in pages that fit a bounded reply.
enum PodList {
    private static let maximumPages = 64

    static func read(_ configuration: PodResolver.Configuration) async throws -> [PodObject] {
        try await read(
            configuration, "/api/v1/pods?limit=25&fieldSelector=spec.nodeName%3D" + encoded(configuration.node))
    }

    /// One of the pods is enough.
    static func read(
        _ configuration: PodResolver.Configuration, in namespace: String, _ selector: PodSelector
    ) async throws -> [PodObject] {
        let pods = "/api/v1/namespaces/" + encoded(namespace) + "/pods?limit=25&labelSelector="
        return try await read(configuration, pods + encoded(selector.label + "=" + selector.value))
    }

    private static func read(
        _ configuration: PodResolver.Configuration, _ list: String
    ) async throws -> [PodObject] {
        guard let token = FileTree.text(configuration.tokenFile, limit: 65_536) else {
            throw AgentError(.file, "\(configuration.tokenFile) cannot be read; mount the service account's token")
        }
        let client = PinnedHTTPS(
            server: configuration.server, trust: .authority(configuration.authority),
            now: { AgentEnvironment.unixSeconds() }, timeoutSeconds: 10)
        var pods: [PodObject] = []
        var next = ""
        for _ in 0..<maximumPages {
            let path = list + (next.isEmpty ? "" : "&continue=" + encoded(next))
            let reply = try await client.get(path, token: String(token.filter { !$0.isWhitespace }))
            guard reply.status == 200, let json = try? JSONValue(parsing: reply.body) else {
                throw AgentError(.unavailable, "the API server answers \(reply.status); let the account list pods")
            }
            pods += (json["items"]?.array ?? []).compactMap { PodObject($0) }
            next = json["metadata"]?["continue"]?.string ?? ""
            if next.isEmpty { break }
        }
        return pods
    }

    /// Percent-encoded for a query.
    private static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { text, byte in
            let scalar = Character(UnicodeScalar(byte))
            if scalar.isASCII, scalar.isLetter || scalar.isNumber || "-._~".contains(scalar) {
                text.append(scalar)
            } else {
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
