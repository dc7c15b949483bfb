package import JSONText

/// Pods of one name space that have a label.
package struct PodSelector: Sendable, Hashable {
    package var label: String
    package var value: String

    package init(_ label: String, _ value: String) {
        self.label = label
        self.value = value
    }
}

/// A pod as the API server tells it (core/v1 Pod): what is needed to name its job.
package struct PodObject: Sendable, Hashable {
    /// As its control group has it: of a static pod the hash of its file, not the UID of the mirror that the API shows.
    package var uid: String
    package var namespace: String
    package var name: String
    package var labels: [String: String]
    package var annotations: [String: String]
    /// Labels of a run that its containers' environment holds.
    private let taskLabels: [String: String]
    /// The controller that made it.
    package var ownerKind: String?
    package var ownerName: String?
    package var ownerUID: String?
    package var isRunning: Bool
    package var requestedMillicores: Int64
    /// Whether a container asks for what a device plugin (an extended resource, `vendor/name`) or a driver (a resource
    /// claim) gives: the kubelet then has devices to tell of.
    package var wantsDevices: Bool
    /// Nodes of the job, where the pod tells them.
    package private(set) var expectedNodes: Int64?
    /// The pods that do the work of the job that this one only starts. The launcher of an MPIJob and the submitter of a
    /// RayJob belong to a Job of their own, and nothing in them tells the UID by which the others name theirs.
    package private(set) var workers: PodSelector?

    package init?(_ json: JSONValue) {
        guard let metadata = json["metadata"], let uid = metadata["uid"]?.string, let name = metadata["name"]?.string,
            let namespace = metadata["namespace"]?.string
        else { return nil }
        self.name = name
        self.namespace = namespace
        labels = Self.texts(metadata["labels"])
        annotations = Self.texts(metadata["annotations"])
        self.uid = annotations["kubernetes.io/config.mirror"] ?? uid
        let owners = metadata["ownerReferences"]?.array ?? []
        let owner = owners.first { $0["controller"]?.bool == true } ?? owners.first
        ownerKind = owner?["kind"]?.string
        ownerName = owner?["name"]?.string
        ownerUID = owner?["uid"]?.string
        isRunning = json["status"]?["phase"]?.string == "Running"
        let containers = json["spec"]?["containers"]?.array ?? []
        taskLabels = Self.taskLabels(containers)
        wantsDevices =
            json["spec"]?["resourceClaims"]?.array?.isEmpty == false
            || containers.contains { container in
                (container["resources"]?["limits"]?.object?.members ?? []).contains { limit in
                    limit.name.contains("/") && !limit.name.hasPrefix("kubernetes.io/") && limit.value.string != "0"
                }
            }
        requestedMillicores = containers.reduce(0) { sum, container in
            let request = container["resources"]?["requests"]?["cpu"]?.string
            return min(1_000_000_000, sum + (request.flatMap(Self.millicores) ?? 0))
        }
        expectedNodes = job.flatMap { Self.nodes(metadata, json["spec"], jobLabel: $0.label) }
        workers = ownerKind == "Job" ? Self.workers(labels, containers) : nil
    }

    private static func workers(_ labels: [String: String], _ containers: [JSONValue]) -> PodSelector? {
        let kubeflow = "training.kubeflow.org/job-name"
        if let name = labels[kubeflow] { return PodSelector(kubeflow, name) }
        for variable in containers.flatMap({ $0["env"]?.array ?? [] }) {
            guard variable["name"]?.string == "RAY_DASHBOARD_ADDRESS", let address = variable["value"]?.string else {
                continue
            }
            // KubeRay gives the service of the head: NAME-head-svc.NAMESPACE.svc.DOMAIN:PORT.
            let service = address.prefix { $0 != "." && $0 != ":" }
            if service.hasSuffix(headService) {
                return PodSelector("ray.io/cluster", String(service.dropLast(headService.count)))
            }
        }
        return nil
    }

    private static let headService = "-head-svc"

    private static func texts(_ json: JSONValue?) -> [String: String] {
        var all: [String: String] = [:]
        for member in json?.object?.members ?? [] { all[member.name] = member.value.string }
        return all
    }

    /// `WATTEST_MODEL` and the like, where the pod gives them as text; of several containers the first counts.
    private static func taskLabels(_ containers: [JSONValue]) -> [String: String] {
        var environment: [String: String] = [:]
        for variable in containers.flatMap({ $0["env"]?.array ?? [] }) {
            guard let name = variable["name"]?.string, let value = variable["value"]?.string else { continue }
            environment[name] = environment[name] ?? value
        }
        return JobLabels.parse(environment: TaskEnvironment(environment))
    }

    /// A quantity of processors: `2`, `1500m`, `0.5`.
    static func millicores(_ text: String) -> Int64? {
        if text.hasSuffix("m") { return DecimalNumber.parse(text.dropLast()) }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = DecimalNumber.parse(parts[0]), whole < 1_000_000 else { return nil }
        guard parts.count == 2 else { return whole * 1000 }
        let digits = (parts[1] + "000").prefix(3)
        return DecimalNumber.parse(digits).map { whole * 1000 + $0 }
    }

    // MARK: The job

    /// The job to which the pod belongs, nil for a pod that is no part of one: a service, a daemon.
    ///
    /// Outermost first: a JobSet makes Jobs, a RayJob makes a RayCluster, and each of those labels its pods too.
    package func workload(cluster: String, accounts: AccountMap) -> Workload? {
        guard let (kind, name, unique, _) = job else { return nil }
        // A name can be used again in its namespace; the controller's UID cannot.
        let id = [namespace, name, unique].compactMap(\.self).joined(separator: "/")
        var workload = Workload(
            identity: WorkloadIdentity(cluster: cluster, scheduler: "kubernetes", id: id))
        workload.reservedMillicores = requestedMillicores
        workload.rank = rank
        workload.expectedNodes = expectedNodes
        for label in JobLabels.known {
            let value =
                labels["wattest/\(label)"] ?? annotations["wattest/\(label)"] ?? labels["wattest.\(label)"]
                ?? taskLabels[label]
            if let value, value.utf8.count <= JobLabels.maximumValueBytes {
                workload.labels[label] = JobLabels.written(label, value)
            }
        }
        workload.labels["name"] = String(name.prefix(128))
        workload.labels["account"] = namespace
        workload.labels["kind"] = kind
        if let organization = accounts.organization("kubernetes", namespace) {
            workload.labels["organization"] = organization
        }
        return workload
    }

    /// The label that names the job on all of its pods; `job-name` for a pod that only its owner names.
    private var job: (kind: String, name: String, unique: String?, label: String)? {
        for (label, kind) in [
            ("jobset.sigs.k8s.io/jobset-name", "JobSet"), ("training.kubeflow.org/job-name", "Kubeflow"),
            ("volcano.sh/job-name", "Volcano"), ("ray.io/originated-from-cr-name", "Ray"), ("ray.io/cluster", "Ray"),
        ] {
            guard let name = labels[label] else { continue }
            switch kind {
            case "JobSet": return (kind, name, labels["jobset.sigs.k8s.io/jobset-uid"], label)
            case "Ray": return (kind, name, ownerKind == "RayCluster" ? ownerUID : nil, label)
            default: return (kind, name, ownerUID, label)
            }
        }
        let controller = labels["batch.kubernetes.io/controller-uid"] ?? labels["controller-uid"] ?? ownerUID
        if let name = labels["batch.kubernetes.io/job-name"] {
            return ("Job", name, controller, "batch.kubernetes.io/job-name")
        }
        let name = labels["job-name"] ?? (ownerKind == "Job" ? ownerName : nil)
        return name.map { ("Job", $0, controller, "job-name") }
    }

    private var rank: Int64? {
        [
            "batch.kubernetes.io/job-completion-index", "training.kubeflow.org/replica-index",
            "volcano.sh/task-index",
        ].lazy.compactMap { labels[$0] ?? annotations[$0] }.compactMap { DecimalNumber.parse($0) }.first
    }
}
