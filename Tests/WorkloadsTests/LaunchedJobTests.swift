import Testing
import Workloads

@Suite struct LaunchedJobTests {
    private func job(_ values: [String: String]) -> LaunchedJob? { LaunchedJob(TaskEnvironment(values)) }

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
            job(["OMPI_MCA_ess_base_jobid": "77", "OMPI_MCA_orte_hnp_uri": "77.0;tcp://10.0.0.1:5"])?.id == "77:77.0")
        #expect(job(["PMIX_NAMESPACE": "prterun-n1-99@1"])?.launcher == "mpi")
        #expect(job(["PMI_JOBID": "kvs_1"])?.id == "kvs_1")
        #expect(job(["RANK": "0", "LOCAL_RANK": "0"]) == nil && job([:]) == nil)
        #expect(job(["TORCHELASTIC_RUN_ID": String(repeating: "x", count: 300)]) == nil)
    }
}
