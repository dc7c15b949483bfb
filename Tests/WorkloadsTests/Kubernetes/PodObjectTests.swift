import JSONText
import Testing

@testable import Workloads

/// Pods in the form of core/v1, with the labels that each controller's documentation names.
@Suite struct PodObjectTests {
    private func pod(labels: String, owner: String = "", annotations: String = "") throws -> PodObject {
        let text = """
            {"metadata": {"uid": "u1", "name": "p-0", "namespace": "Acme", "labels": {\(labels)},
              "annotations": {\(annotations)}, "ownerReferences": [\(owner)]},
             "spec": {"containers": [
                {"resources": {"requests": {"cpu": "1500m"}}}, {"resources": {"requests": {"cpu": "2"}}}, {}]},
             "status": {"phase": "Running"}}
            """
        return try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
    }

    private let owner = #"{"kind": "Job", "name": "train", "uid": "o1", "controller": true}"#

    @Test(arguments: [
        (
            #""batch.kubernetes.io/job-name": "train", "batch.kubernetes.io/controller-uid": "c1""#, "Acme/train/c1",
            "Job"
        ),
        (#""job-name": "train""#, "Acme/train/o1", "Job"), ("", "Acme/train/o1", "Job"),
        (#""training.kubeflow.org/job-name": "llm", "job-name": "x""#, "Acme/llm/o1", "Kubeflow"),
        (#""jobset.sigs.k8s.io/jobset-name": "js", "batch.kubernetes.io/job-name": "js-0""#, "Acme/js", "JobSet"),
        (#""volcano.sh/job-name": "v""#, "Acme/v/o1", "Volcano"), (#""ray.io/cluster": "r""#, "Acme/r", "Ray"),
    ])
    func everyControllersJob(labels: String, id: String, kind: String) throws {
        let accounts = try AccountMap(parsing: "kubernetes acme acme-ai")
        let workload = try #require(try pod(labels: labels, owner: owner).workload(cluster: "k", accounts: accounts))
        #expect(workload.identity == WorkloadIdentity(cluster: "k", scheduler: "kubernetes", id: id))
        #expect(workload.labels["kind"] == kind && workload.labels["organization"] == "acme-ai")
        #expect(workload.reservedMillicores == 3500)
    }

    /// The kubelet runs a static pod under the hash of its file; the API server shows a mirror with a UID of its own.
    @Test func aStaticPodIsKnownByTheHashOfItsFile() throws {
        let hash = "0123456789abcdef0123456789abcdef"
        let mirror = #""kubernetes.io/config.hash": "\#(hash)", "kubernetes.io/config.mirror": "\#(hash)""#
        #expect(try pod(labels: "", annotations: mirror).uid == hash)
        #expect(try pod(labels: "").uid == "u1")
    }

    /// An MPIJob's launcher and a RayJob's submitter belong to a Job of their own.
    @Test func aPodThatStartsOthersNamesThem() throws {
        let label = #""training.kubeflow.org/job-name": "llm""#
        #expect(
            try pod(labels: label, owner: owner).workers == PodSelector("training.kubeflow.org/job-name", "llm"))
        let mpi = #"{"kind": "MPIJob", "name": "llm", "uid": "m1", "controller": true}"#
        #expect(try pod(labels: label, owner: mpi).workers == nil)
        #expect(try pod(labels: "", owner: owner).workers == nil)
        func submitter(_ address: String) throws -> PodObject {
            let text = """
                {"metadata": {"uid": "u1", "name": "p", "namespace": "a", "ownerReferences": [\(owner)]},
                 "spec": {"containers": [{"env": [{"name": "RAY_DASHBOARD_ADDRESS", "value": "\(address)"}]}]}}
                """
            return try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
        }
        let cluster = PodSelector("ray.io/cluster", "train-x7k2p")
        #expect(try submitter("train-x7k2p-head-svc.a.svc.cluster.local:8265").workers == cluster)
        #expect(try submitter("http://10.0.0.1:8265").workers == nil)
    }

    @Test func aServicesPodIsNoJob() throws {
        let replicas = #"{"kind": "ReplicaSet", "name": "web", "uid": "r"}"#
        #expect(
            try pod(labels: #""app": "web""#, owner: replicas).workload(cluster: "k", accounts: AccountMap()) == nil)
    }

    @Test func labelsOfARun() throws {
        let found = try pod(
            labels: #""wattest/model": "llama", "job-name": "x""#, owner: owner,
            annotations: #""wattest/class": "final", "batch.kubernetes.io/job-completion-index": "3""#)
        let workload = try #require(found.workload(cluster: "k", accounts: AccountMap()))
        #expect(workload.labels["model"] == "llama" && workload.labels["class"] == "final" && workload.rank == 3)
    }

    /// A label of the pod comes before a variable of its containers.
    @Test func labelsOfARunInTheEnvironment() throws {
        let text = #"""
            {"metadata": {"uid": "u1", "name": "p", "namespace": "a",
                          "labels": {"job-name": "j", "wattest/class": "final"}},
             "spec": {"containers": [
                {"env": [{"name": "WATTEST_MODEL", "value": "atlas"}, {"name": "WATTEST_CLASS", "value": "failed"}]},
                {"env": [{"name": "WATTEST_MODEL", "value": "other"}, {"name": "WATTEST_ACTIVITY",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}]}}
            """#
        let pod = try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
        let labels = try #require(pod.workload(cluster: "k", accounts: AccountMap())).labels
        #expect(labels["model"] == "atlas" && labels["class"] == "final" && labels["activity"] == nil)
    }

    // MARK: Nodes

    private static let host = #""topologyKey": "kubernetes.io/hostname""#
    private static let kubeflow = #""training.kubeflow.org/job-name": "llm""#

    /// What a torchrun pod of Kubeflow's operator says of the nodes, with this term of anti-affinity.
    private func nodes(_ term: String, agents: String = #"{"name": "PET_NNODES", "value": "4"}"#) throws -> Int64? {
        let text = """
            {"metadata": {"uid": "u", "name": "p", "namespace": "a", "labels": {\(Self.kubeflow), "x": "y"}},
             "spec": {"containers": [{"env": [{"name": "A"}, \(agents)]}],
               "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{\(term)}]}}}}
            """
        let pod = try #require(PodObject(try JSONValue(parsing: Array(text.utf8))))
        return pod.workload(cluster: "k", accounts: AccountMap())?.expectedNodes
    }

    @Test func podsThatAreCountedAndApartAreNodes() throws {
        let own = #""labelSelector": {"matchLabels": {\#(Self.kubeflow)}}, \#(Self.host)"#
        #expect(try nodes(own) == 4)
        let key = #""key": "training.kubeflow.org/job-name""#
        for expression in [#""operator": "Exists""#, #""operator": "In", "values": ["llm", "b"]"#] {
            let term = #""labelSelector": {"matchExpressions": [{\#(key), \#(expression)}]}, \#(Self.host)"#
            #expect(try nodes(term) == 4, "\(expression)")
        }
        for value in ["1:4", "", "0", "-1", "4x", "99999999999999999999"] {
            #expect(try nodes(own, agents: #"{"name": "PET_NNODES", "value": "\#(value)"}"#) == nil, "\(value)")
        }
        #expect(try nodes(own, agents: #"{"name": "PET_NNODES", "valueFrom": {}}"#) == nil)
        #expect(try nodes(own, agents: #"{"name": "WORLD_SIZE", "value": "32"}"#) == nil)
    }

    @Test(arguments: [
        "", #""labelSelector": {"matchLabels": {\#(kubeflow)}}, "topologyKey": "topology.kubernetes.io/zone""#,
        #""labelSelector": {"matchLabels": {"x": "y"}}, \#(host)"#,
        #""labelSelector": {"matchLabels": {\#(kubeflow), "x": "y"}}, \#(host)"#,
        #""labelSelector": {"matchLabels": {"training.kubeflow.org/job-name": "other"}}, \#(host)"#,
        #""labelSelector": {"matchLabels": {\#(kubeflow)}}, "namespaces": ["b"], \#(host)"#,
        #""labelSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}, \#(host)"#,
    ])
    func podsThatMayShareAHostAreNoNumberOfNodes(term: String) throws { #expect(try nodes(term) == nil) }

    @Test func jobsOfASetThatEachHaveAHost() throws {
        let set = #""jobset.sigs.k8s.io/jobset-name": "js", "jobset.sigs.k8s.io/global-replicas": "16""#
        func nodes(_ topology: String) throws -> Int64? {
            let found = try pod(
                labels: set, annotations: #""alpha.jobset.sigs.k8s.io/exclusive-topology": "\#(topology)""#)
            return found.workload(cluster: "k", accounts: AccountMap())?.expectedNodes
        }
        #expect(try nodes("kubernetes.io/hostname") == 16 && nodes("rack") == nil)
        #expect(try pod(labels: set).workload(cluster: "k", accounts: AccountMap())?.expectedNodes == nil)
    }

    @Test(arguments: [
        (#""containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]"#, true),
        (#""containers": [{"resources": {"limits": {"nvidia.com/gpu": "0"}}}]"#, false),
        (#""containers": [{"resources": {"limits": {"cpu": "1", "hugepages-2Mi": "4Mi"}}}]"#, false),
        (#""resourceClaims": [{"name": "gpu"}]"#, true), (#""resourceClaims": []"#, false), ("", false),
    ])
    func podsThatWantDevices(spec: String, wants: Bool) throws {
        let text = #"{"metadata": {"uid": "u", "name": "p", "namespace": "a"}, "spec": {\#(spec)}}"#
        #expect(PodObject(try JSONValue(parsing: Array(text.utf8)))?.wantsDevices == wants)
    }

    @Test func quantitiesAndDamage() throws {
        #expect(
            PodObject.millicores("250m") == 250 && PodObject.millicores("0.5") == 500
                && PodObject.millicores("3") == 3000)
        for text in ["", "m", "1e3", "-1", "1.x", "9999999999999999999"] { #expect(PodObject.millicores(text) == nil) }
        for text in ["{}", "[]", #"{"metadata": {"uid": 1}}"#] {
            #expect(PodObject(try JSONValue(parsing: Array(text.utf8))) == nil)
        }
    }
}
