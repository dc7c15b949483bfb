import Testing

@testable import Workloads

@Suite struct LaunchedJobTests {
    private func job(_ values: [String: String], node: String = "n7", proxy: String? = nil) -> LaunchedJob? {
        LaunchedJob(TaskEnvironment(values), node: node) {
            proxy.flatMap { HydraProxy(commandLine: $0.utf8.map { $0 == 32 ? 0 : $0 }) }
        }
    }

    @Test func torchrun() throws {
        let found = try #require(
            job([
                "TORCHELASTIC_RUN_ID": "run-1", "GROUP_RANK": "2", "GROUP_WORLD_SIZE": "3", "RANK": "5",
                "WORLD_SIZE": "6",
                "MASTER_ADDR": "n1", "MASTER_PORT": "29500", "TORCHELASTIC_RESTART_COUNT": "1",
                "CUDA_VISIBLE_DEVICES": "GPU-a,1", "WATTEST_CLASS": "final",
            ]))
        #expect(found.launcher == "torchrun" && found.id == "run-1" && found.expectedNodes == 3 && found.rank == 2)
        #expect(
            found.devices == ["GPU-a"] && found.labels["class"] == "final" && found.labels["elastic_restarts"] == "1")
    }

    @Test func withoutARunIDItIsWhereTheRanksMeet() {
        let values = ["TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "n1", "MASTER_PORT": "38221", "WORLD_SIZE": "3"]
        #expect(job(values)?.id == "n1:38221:3" && job(values)?.launcher == "torch")
        #expect(job(["MASTER_ADDR": "n1", "MASTER_PORT": "x", "WORLD_SIZE": "3"]) == nil)
    }

    @Test func aSchedulersIDWins() {
        let values = ["TORCHELASTIC_RUN_ID": "r", "SLURM_JOB_ID": "4", "OMPI_MCA_ess_base_jobid": "1"]
        #expect(job(values) == nil)
    }

    @Test func messagePassing() {
        #expect(
            job(["OMPI_MCA_ess_base_jobid": "77", "OMPI_MCA_orte_hnp_uri": "77.0;tcp://10.0.0.1:5"])?.id
                == "77:tcp://10.0.0.1:5")
        // Open MPI 5 has no such address; its name spaces name the host.
        #expect(
            job(["OMPI_MCA_ess_base_jobid": "77", "PMIX_NAMESPACE": "prterun-n1-99@1"])?.id == "77:prterun-n1-99@1")
        #expect(job(["OMPI_MCA_ess_base_jobid": "77"]) == nil)
        #expect(job(["PMIX_NAMESPACE": "prterun-n1-99@1"])?.launcher == "mpi")
        #expect(job(["PMI_JOBID": "kvs_1"])?.id == "kvs_1")
        #expect(job(["RANK": "0", "LOCAL_RANK": "0"]) == nil && job([:]) == nil)
        #expect(job(["TORCHELASTIC_RUN_ID": String(repeating: "x", count: 300)]) == nil)
    }

    /// What `mpiexec.hydra` of MPICH 4.0.2 gives to its ranks and to its proxies.
    @Test func ranksOfMPICHAreKnownByTheirProxy() throws {
        let rank = ["PMI_RANK": "1", "PMI_SIZE": "4", "PMI_FD": "8", "MPI_LOCALNRANKS": "2", "MPI_LOCALRANKID": "1"]
        let proxy =
            "/usr/bin/hydra_pmi_proxy --control-port login1:44557 --rmk user --launcher ssh --demux poll --pgid 0 "
            + "--retries 10 --usize -2 --pmi-port 0 --gpus-per-proc -2 --proxy-id 1"
        let found = try #require(job(rank, proxy: proxy))
        // Nobody tells how many nodes there are.
        #expect(found.launcher == "mpi" && found.id == "login1:44557" && found.expectedNodes == nil)
        #expect(job(rank, node: "n8", proxy: proxy)?.id == found.id)
        #expect(job(rank) == nil, "ranks that nobody started have numbers alone")
        let alone = job(rank.merging(["MPI_LOCALNRANKS": "4"]) { $1 }, proxy: proxy)
        #expect(alone?.expectedNodes == 1)
        let ports = rank.merging(["PMI_FD": "", "PMI_PORT": "n7:3", "PMI_ID": "1"]) { $1 }
        #expect(job(ports, proxy: proxy)?.id == found.id)
        let local = "pmi_proxy --control-port localhost:44557 --proxy-id 0"
        #expect(job(rank, proxy: local)?.id == "localhost:44557@n7")
        #expect(job(rank, proxy: local)?.expectedNodes == 1)
    }

    @Test(arguments: [
        "hydra_pmi_proxy --control-port", "hydra_pmi_proxy --control-port login1", "hydra_pmi_proxy --rmk user",
        "hydra_pmi_proxy --control-port :1", "hydra_pmi_proxy --control-port n:0", "hydra_pmi_proxy --control-port n:x",
        "python --control-port login1:44557", "", "/",
    ]) func otherCommandsAreNoProxies(words: String) {
        #expect(job(["PMI_RANK": "1", "PMI_SIZE": "4"], proxy: words) == nil)
    }

    @Test func ranksOfIntelsHydraHaveItsIdentity() {
        let rank = ["PMI_RANK": "1", "PMI_SIZE": "4", "I_MPI_HYDRA_UUID": "9d260000-7c26-e807-8fb4-050000430af0"]
        #expect(job(rank)?.id == "9d260000-7c26-e807-8fb4-050000430af0" && job(rank)?.launcher == "mpi")
        // Ranks of mpirun that meet by torch's variables: the next start at the same address is another job.
        let meeting = ["MASTER_ADDR": "n1", "MASTER_PORT": "29500", "WORLD_SIZE": "4"]
        #expect(job(rank.merging(meeting) { $1 })?.launcher == "mpi")
        #expect(job(meeting.merging(["OMPI_MCA_ess_base_jobid": "77"]) { $1 })?.id == "n1:29500:4")
    }

    @Test func allRanksHereAreOneNode() {
        let torch = ["MASTER_ADDR": "n1", "MASTER_PORT": "29500", "WORLD_SIZE": "4"]
        #expect(job(torch)?.expectedNodes == nil)
        #expect(job(torch.merging(["LOCAL_WORLD_SIZE": "4"]) { $1 })?.expectedNodes == 1)
        #expect(job(torch.merging(["LOCAL_WORLD_SIZE": "2"]) { $1 })?.expectedNodes == nil)
    }

    @Test func frontEndsWithEqualJobIDsAreTwoJobs() throws {
        func run(_ uri: String, node: String) -> LaunchedJob? {
            job(["OMPI_MCA_ess_base_jobid": "301989889", "OMPI_MCA_orte_hnp_uri": uri], node: node)
        }
        let first = "301989888.0;tcp://192.0.2.2:36551;tcp6://[fd00::2]:46899"
        #expect(run(first, node: "a")?.id == run("\"\(first)\"", node: "b")?.id)
        #expect(run(first, node: "a")?.id != run("301989888.0;tcp://192.0.2.3:36551", node: "a")?.id)
        #expect(run(first, node: "a")?.id != run("301989888.0;tcp://192.0.2.2:36552", node: "a")?.id)
        let networks = (1...90).map { "10.\($0).0.1" }.joined(separator: ",")
        let (one, other) = (run("1.0;tcp://\(networks):1", node: "a"), run("1.0;tcp://\(networks):2", node: "a"))
        #expect(one != nil && other != nil && one?.id != other?.id)
    }

    @Test(arguments: [
        "localhost", "LOCALHOST.", "127.0.0.1", "127.0.1.1", "::1", "[::1]", "::ffff:127.0.0.1", "0.0.0.0",
    ])
    func whoMeetsOnLoopbackIsOfThisNodeAlone(address: String) throws {
        let torch = ["MASTER_ADDR": address, "MASTER_PORT": "29500", "WORLD_SIZE": "8", "GROUP_WORLD_SIZE": "4"]
        let found = try #require(job(torch))
        #expect(found.id == "\(address):29500:8@n7" && found.expectedNodes == 1)
        #expect(job(torch, node: "n8")?.id != found.id)
        let named = job(torch.merging(["TORCHELASTIC_RUN_ID": "r"]) { $1 })
        #expect(named?.id == "r@n7" && named?.expectedNodes == 1)
    }

    @Test func otherAddressesAreOfManyNodes() {
        for address in ["n1", "10.0.0.1", "128.0.0.1", "localhost-1", "127.example.org", "fd00::1", "127..1", ""] {
            #expect(!LaunchedJob.isLoopback(address), "\(address)")
        }
    }
}
