import Testing
import Workloads

@Suite struct SlurmStepTests {
    @Test(arguments: [
        ("/slurm/uid_1000/job_7/step_0/task_3", SlurmStep(job: 7, step: "0")),
        ("/slurm_gpu01/uid_0/job_12/step_extern", SlurmStep(job: 12, step: "extern", node: "gpu01")),
        ("/system.slice/slurmstepd.scope/job_5/step_batch/user/task_0", SlurmStep(job: 5, step: "batch")),
        ("/system.slice/gpu01_slurmstepd.scope/job_5/step_1/user/task_0", SlurmStep(job: 5, step: "1", node: "gpu01")),
        ("/docker/0a1b/slurm/uid_0/job_9", SlurmStep(job: 9)),
    ])
    func everyFormOfPath(path: String, step: SlurmStep) {
        #expect(SlurmStep(controlGroup: path) == step)
    }

    @Test(arguments: [
        "/", "", "/user.slice/user-0.slice/session-1.scope", "/slurm/uid_0", "/job_1", "/slurm/job_1", "/x/uid_0/job_1",
        "/slurm/uid_0/job_", "/slurm/uid_0/job_x", "/slurm/uid_0/job_0", "/slurm/uid_0/job_-1",
        "/system.slice/xslurmstepd.scope/job_1", "/slurm/uid_0/job_99999999999999999999",
    ])
    func otherPathsAreNoSteps(path: String) {
        #expect(SlurmStep(controlGroup: path) == nil)
    }

    @Test func titles() {
        #expect(SlurmStep(processTitle: "slurmstepd: [3.0]") == SlurmStep(job: 3, step: "0"))
        #expect(SlurmStep(processTitle: "slurmstepd: [3.extern]")?.runsTasks == false)
        #expect(SlurmStep(processTitle: "slurmstepd: [3.batch]")?.runsTasks == true)
        #expect(SlurmStep(processTitle: "slurmstepd: [30+1.2]") == SlurmStep(job: 30, step: "2"))
        for title in ["slurmstepd", "slurmstepd: []", "slurmstepd: [3]", "slurmstepd: [x.0]", "slurmstepd: [3.]"] {
            #expect(SlurmStep(processTitle: title) == nil)
        }
    }
}
