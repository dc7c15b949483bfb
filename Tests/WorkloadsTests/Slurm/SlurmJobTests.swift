import Testing

@testable import Workloads

/// Answers in the form of Slurm 22.05's `scontrol --details --oneliner show job` with `SLURM_TIME_FORMAT=%s`.
@Suite struct SlurmJobTests {
    private static let plain = """
        JobId=2 JobName=train UserId=ada(1000) GroupId=ada(1000) Priority=1 Nice=0 Account=acme QOS=normal \
        JobState=RUNNING Reason=None Dependency=(null) Requeue=1 Restarts=1 BatchFlag=1 SubmitTime=1795241482 \
        StartTime=1795241490 Partition=main ReqNodeList=(null) ExcNodeList=(null) \
        NodeList=n[1-3] BatchHost=n1 NumNodes=3 \
        NumCPUs=6 TRES=cpu=6 JOB_GRES=gpu:h100:5   Nodes=n[1-2] CPU_IDs=0-1 Mem=0 GRES=gpu:h100:2(IDX:0-1)   Nodes=n3 \
        CPU_IDs=0,2-3 Mem=0 GRES=gpu:h100:1(IDX:4),shard:2(IDX:0) MinCPUsNode=1 OverSubscribe=NO Command=/tmp/j.sb \
        Comment=model=llama,class=final  StdErr=/tmp/j.out Power=
        """

    @Test func whatTheControllerTells() throws {
        let job = try #require(SlurmJob(control: Self.plain, job: 2, node: "n3"))
        #expect(job.submitSeconds == 1_795_241_482 && job.restarts == 1 && job.account == "acme" && job.user == "ada")
        #expect(job.isExclusive && job.nodeCount == 3 && job.nodeRank == 2 && job.name == "train")
        #expect(job.devices == [4] && job.processors == 3)
        let other = try #require(SlurmJob(control: Self.plain, job: 2, node: "n2"))
        #expect(other.devices == [0, 1] && other.processors == 2)
        let accounts = try AccountMap(parsing: "slurm ACME acme-ai # folded\n\nkubernetes acme other\n")
        let workload = job.workload(site: "s", accounts: accounts)
        #expect(
            workload.identity
                == WorkloadIdentity(cluster: "s", scheduler: "slurm", id: "2", submitSeconds: 1_795_241_482))
        #expect(workload.attempt == 1 && workload.nodes == ["n1", "n2", "n3"] && workload.expectedNodes == 3)
        #expect(workload.reservedMillicores == 3000 && workload.devices == [.number(4)])
        #expect(workload.labels["model"] == "llama" && workload.labels["class"] == "final")
        #expect(workload.labels["organization"] == "acme-ai" && workload.labels["name"] == "train")
    }

    @Test func textOfTheUserIsNoField() throws {
        let forged = Self.plain.replacing(
            "Comment=model=llama", with: "Comment=x SubmitTime=1 Account=globex model=llama")
        let job = try #require(SlurmJob(control: forged, job: 2, node: "n1"))
        #expect(job.submitSeconds == nil && job.account == nil && job.restarts == 1)
        let named = Self.plain.replacing(
            "JobName=train", with: "JobName=a UserId=root(0) NodeList=x JOB_GRES=  Nodes=n1 CPU_IDs=0-63")
        let second = try #require(SlurmJob(control: named, job: 2, node: "n1"))
        #expect(
            second.user == nil && second.nodeList == nil && second.processors == nil
                && second.submitSeconds == 1_795_241_482)
    }

    @Test func componentsOfAHeterogeneousJobAreOne() throws {
        let lines = """
            JobId=4 HetJobId=4 HetJobOffset=0 HetJobIdSet=4-5 JobName=h UserId=a(1) SubmitTime=9 NodeList=n1 NumNodes=1
            JobId=5 HetJobId=4 HetJobOffset=1 JobName=h UserId=a(1) SubmitTime=9 NodeList=n[2-3] NumNodes=2
            """
        let job = try #require(SlurmJob(control: lines, job: 5, node: "n2"))
        let workload = job.workload(site: "s", accounts: AccountMap())
        #expect(workload.identity.id == "4" && workload.nodes == ["n1", "n2", "n3"] && workload.expectedNodes == 3)
        #expect(workload.labels["slurm.job"] == "5" && workload.labels["slurm.het_offset"] == "1")
    }

    /// The numbers of MIG instances are not those of boards: only a task knows whose they are.
    @Test func partsOfAcceleratorsAreKnownByTheirNames() throws {
        let line = Self.plain.replacing("gpu:h100:1(IDX:4)", with: "gpu:a100_1g.5gb:2(IDX:2-3)")
        var job = try #require(SlurmJob(control: line, job: 2, node: "n3"))
        #expect(job.devices.isEmpty && job.holdsInstances)
        job.fill(from: TaskEnvironment(["SLURM_JOB_GPUS": "2,3"]))
        #expect(job.workload(site: "s", accounts: AccountMap()).devices.isEmpty)
        let task = TaskEnvironment(["SLURM_JOB_GPUS": "2,3", "CUDA_VISIBLE_DEVICES": "MIG-a,MIG-b"])
        job.fill(from: task)
        #expect(job.workload(site: "s", accounts: AccountMap()).devices == [.identity("MIG-a"), .identity("MIG-b")])
        var alone = SlurmJob(id: 2)
        alone.fill(from: task)
        #expect(alone.workload(site: "s", accounts: AccountMap()).devices == [.identity("MIG-a"), .identity("MIG-b")])
        #expect(SlurmJob.numbers(ofResources: "gpu:1g.5gb:1(IDX:0),gpu:h100:1(IDX:4)") == [4])
        #expect(SlurmJob.numbers(ofResources: "gpu:1c.3g.40gb:1(IDX:0)") == [])
        #expect(SlurmJob.numbers(ofResources: "gpu:a100_1g.5gb+me:1(IDX:0)") == [])
    }

    /// Components of different resources may run on one node: it is expected once.
    @Test func aNodeOfTwoComponentsIsOneNode() throws {
        let lines = """
            JobId=4 HetJobId=4 HetJobOffset=0 HetJobIdSet=4-5 JobName=h UserId=a(1) SubmitTime=9 NodeList=n2 NumNodes=1
            JobId=5 HetJobId=4 HetJobOffset=1 JobName=h UserId=a(1) SubmitTime=9 NodeList=n[2-3] NumNodes=2
            """
        for id in [4, 5] as [Int64] {
            let job = try #require(SlurmJob(control: lines, job: id, node: "n2"))
            let workload = job.workload(site: "s", accounts: AccountMap())
            #expect(workload.nodes == ["n2", "n3"] && workload.expectedNodes == 2)
        }
    }

    @Test func whatIsNoAnswer() {
        for text in ["", "slurm_load_jobs error: Invalid job id specified", "JobId=3 JobName=x", "JobId=", "\n\n="] {
            #expect(SlurmJob(control: text, job: 2, node: "n1") == nil)
        }
    }

    @Test func resourcesThatAreGPUs() {
        #expect(SlurmJob.numbers(ofResources: "gpu:h100:2(IDX:0-1),gpu:a100:1(IDX:4)") == [0, 1, 4])
        #expect(SlurmJob.numbers(ofResources: "gpu:2(IDX:0,3)") == [0, 3])
        for text in ["", "(null)", "gpu:2", "mps:100(IDX:0)", "gpu(IDX:x)", "gpu(IDX:"] {
            #expect(SlurmJob.numbers(ofResources: text) == [])
        }
    }

    @Test func anEnvironmentFillsWhatIsMissing() {
        var job = SlurmJob(id: 8)
        job.account = "first"
        let environment = TaskEnvironment(
            bytes: Array(
                [
                    "SLURM_JOB_ID=8", "SLURM_CLUSTER_NAME=c", "SLURM_JOB_ACCOUNT=second", "SLURM_JOB_NODELIST=n[1-2]",
                    "SLURM_JOB_GPUS=0,2", "AWS_SECRET=x", "WATTEST_MODEL=m", "SLURM_JOB_ID=9",
                ].joined(separator: "\0").utf8))
        job.fill(from: environment)
        #expect(environment["AWS_SECRET"] == nil && environment.integer("SLURM_JOB_ID") == 8)
        #expect(job.cluster == "c" && job.account == "first" && job.nodeList == "n[1-2]" && job.devices == [0, 2])
        #expect(job.labels == ["model": "m"])
        for text in ["", "\0", "\0\0=\0S\0=x\0", "SLURM_JOB_ID", "SLURM_=\0\0"] {
            #expect(TaskEnvironment(bytes: Array(text.utf8)).integer("SLURM_JOB_ID") == nil)
        }
    }

    @Test func theFirstSubmissionOfARequeuedJob() {
        let answer = "7|100\n7|200\n7|260\n"
        #expect(SlurmAccounting.firstSubmission(answer, job: 7, restarts: 0) == 260)
        #expect(SlurmAccounting.firstSubmission(answer, job: 7, restarts: 1) == 200)
        #expect(SlurmAccounting.firstSubmission(answer, job: 7, restarts: 3) == nil)
        #expect(SlurmAccounting.firstSubmission("8|1\nx\n7|\n", job: 7, restarts: 0) == nil)
    }

    @Test func labelsAndMaps() throws {
        #expect(
            JobLabels.parse(comment: "wattest.model=a; CLASS=final other=1 activity=") == [
                "model": "a", "class": "final",
            ])
        #expect(throws: AccountMapError.self) { try AccountMap(parsing: "slurm a B!") }
        #expect(throws: AccountMapError.self) { try AccountMap(parsing: "pbs a b") }
    }
}
