import JSONText

/// On how many nodes a job's pods run, as far as one of them tells it.
///
/// The agent's account may list pods and nothing else: it reads neither `parallelism` of a Job, nor the replicas of a
/// PyTorchJob, MPIJob or RayCluster, nor the tasks of a Volcano Job. Those count pods besides, and pods are no nodes:
/// eight of them fit on one. The pods that happen to be there are no number either, because one that was never made
/// would not be missed. So the number is known in two cases, where a pod's own document counts the pods and puts each
/// on a node of its own; in every other it stays unknown, and coverage with it.
extension PodObject {
    /// - Parameter jobLabel: the label of which all pods of the job, and of no other, have the same value.
    static func nodes(_ metadata: JSONValue, _ spec: JSONValue?, jobLabel: String) -> Int64? {
        let labels = metadata["labels"]
        // A JobSet with one Job on each host (jobset.sigs.k8s.io, "exclusive placement"), whose Jobs it counts.
        let topology = metadata["annotations"]?["alpha.jobset.sigs.k8s.io/exclusive-topology"]?.string
        if topology == hostTopology {
            let jobs = "jobset.sigs.k8s.io/global-replicas"
            return (labels?[jobs]?.string ?? metadata["annotations"]?[jobs]?.string).flatMap(count)
        }
        guard isAloneOnItsNode(labels?[jobLabel]?.string, spec, jobLabel) else { return nil }
        return agents(spec)
    }

    private static let hostTopology = "kubernetes.io/hostname"

    /// Agents of torchrun, one a pod: `PET_NNODES`, set by Kubeflow's operator for a PyTorchJob or by its template. An
    /// elastic range is no number.
    private static func agents(_ spec: JSONValue?) -> Int64? {
        for container in spec?["containers"]?.array ?? [] {
            for variable in container["env"]?.array ?? [] where variable["name"]?.string == "PET_NNODES" {
                return variable["value"]?.string.flatMap(count)
            }
        }
        return nil
    }

    private static func count(_ text: String) -> Int64? {
        DecimalNumber.parse(text).flatMap { (1...1_000_000).contains($0) ? $0 : nil }
    }

    /// Whether no two pods of the job can be on one host: a required anti-affinity by host against the job's own label
    /// and nothing that narrows it (core/v1 PodAffinityTerm).
    private static func isAloneOnItsNode(_ job: String?, _ spec: JSONValue?, _ jobLabel: String) -> Bool {
        guard let job else { return false }
        let terms = spec?["affinity"]?["podAntiAffinity"]?["requiredDuringSchedulingIgnoredDuringExecution"]?.array
        return (terms ?? []).contains { term in
            let labels = term["labelSelector"]?["matchLabels"]?.object?.members ?? []
            let expressions = term["labelSelector"]?["matchExpressions"]?.array ?? []
            guard term["topologyKey"]?.string == hostTopology, term["namespaces"]?.array?.isEmpty ?? true,
                term["matchLabelKeys"]?.array?.isEmpty ?? true, term["mismatchLabelKeys"]?.array?.isEmpty ?? true,
                labels.count + expressions.count == 1
            else { return false }
            if let label = labels.first { return label.name == jobLabel && label.value.string == job }
            guard expressions[0]["key"]?.string == jobLabel else { return false }
            switch expressions[0]["operator"]?.string {
            case "Exists": return true
            case "In": return expressions[0]["values"]?.array?.contains { $0.string == job } ?? false
            default: return false
            }
        }
    }
}
