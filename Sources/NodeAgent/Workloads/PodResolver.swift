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
    }

    enum Answer: Sendable, Hashable {
        case job(Workload)
        /// A service or a daemon, or a pod that nobody knows: its share is nobody's.
        case noJob
    }

    private struct Question {
        var uid: String
        var giveUpNanoseconds: Int64
    }

    private let sources: Sources
    private let cluster: String
    private let accounts: AccountMap
    private let questions = Mutex<[String: Question]>([:])
    private let report: @Sendable (String) -> Void
    private let lastFault = Mutex("")

    static let patienceNanoseconds: Int64 = 60_000_000_000
    static let pauseMilliseconds: Int64 = 1000

    init(
        sources: Sources, cluster: String, accounts: AccountMap, report: @escaping @Sendable (String) -> Void
    ) {
        self.sources = sources
        self.cluster = cluster
        self.accounts = accounts
        self.report = report
    }

    package convenience init(_ configuration: Configuration, report: @escaping @Sendable (String) -> Void) {
        self.init(
            sources: Sources(
                pods: { try await PodList.read(configuration) },
                devices: { try await KubeletPods.list(socket: configuration.kubeletSocket) }),
            cluster: configuration.cluster, accounts: configuration.accounts, report: report)
    }

    func ask(_ token: String, uid: String) {
        let end = AgentEnvironment.bootNanoseconds() + Self.patienceNanoseconds
        questions.withLock { $0[token] = Question(uid: uid, giveUpNanoseconds: end) }
    }

    /// Runs until it is cancelled.
    func run(answer: @Sendable (_ token: String, Answer) -> Void) async {
        while !Task.isCancelled {
            if questions.withLock({ !$0.isEmpty }) {
                let now = AgentEnvironment.bootNanoseconds()
                for (token, found) in await answers(now: now) { answer(token, found) }
            }
            do {
                try await AgentEnvironment.pause(milliseconds: Self.pauseMilliseconds)
            } catch {
                return
            }
        }
    }

    /// One round: what can be told now. A question without an answer stays until its time is over.
    func answers(now: Int64) async -> [(token: String, Answer)] {
        var pods: [String: PodObject] = [:]
        var devices: [String: [DeviceReference]] = [:]
        do {
            for pod in try await sources.pods() { pods[pod.uid] = pod }
            // A node without devices has no such socket; its jobs have names all the same.
            for pod in (try? await sources.devices()) ?? [] {
                devices["\(pod.namespace)/\(pod.name)"] = pod.devices.flatMap(\.identities).map { .identity($0) }
            }
        } catch {
            tell("the API server does not tell of this node's pods: \(error)")
        }
        return questions.withLock { questions in
            var found: [(String, Answer)] = []
            for (token, question) in questions {
                if let pod = pods[question.uid] {
                    found.append((token, answer(pod, devices)))
                } else if now > question.giveUpNanoseconds {
                    found.append((token, .noJob))
                } else {
                    continue
                }
                questions[token] = nil
            }
            return found
        }
    }

    private func answer(_ pod: PodObject, _ devices: [String: [DeviceReference]]) -> Answer {
        guard var workload = pod.workload(cluster: cluster, accounts: accounts) else { return .noJob }
        workload.devices = devices["\(pod.namespace)/\(pod.name)"] ?? []
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

/// `GET /api/v1/pods` of one node, in pages that fit a bounded reply.
enum PodList {
    private static let maximumPages = 64

    static func read(_ configuration: PodResolver.Configuration) async throws -> [PodObject] {
        guard let token = FileTree.text(configuration.tokenFile, limit: 65_536) else {
            throw AgentError(.file, "\(configuration.tokenFile) cannot be read; mount the service account's token")
        }
        let client = PinnedHTTPS(
            server: configuration.server, trust: .authority(configuration.authority),
            now: { AgentEnvironment.unixSeconds() }, timeoutSeconds: 10)
        var pods: [PodObject] = []
        var next = ""
        for _ in 0..<maximumPages {
            let path =
                "/api/v1/pods?limit=25&fieldSelector=spec.nodeName%3D" + encoded(configuration.node)
                + (next.isEmpty ? "" : "&continue=" + encoded(next))
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
