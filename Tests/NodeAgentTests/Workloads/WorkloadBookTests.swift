import Batches
import Energy
import Testing
import Workloads

@testable import NodeAgent

@Suite struct WorkloadBookTests {
    private func workload(_ id: String, devices: [Int] = [], cores: Int64 = 1000, exclusive: Bool = false) -> Workload {
        var workload = Workload(identity: WorkloadIdentity(cluster: "c", scheduler: "slurm", id: id, submitSeconds: 1))
        workload.devices = devices.map { .number($0) }
        workload.reservedMillicores = cores
        workload.isExclusive = exclusive
        return workload
    }

    private func line(_ token: String, held: Int64? = nil, cpu: Int64 = 5) -> AllocationFacts {
        AllocationFacts(
            job: token, mode: .shared, cpuMicroseconds: cpu, heldNanoseconds: held, since: UTCTime(microseconds: 7))
    }

    @Test func aNameComesAfterTheEdge() throws {
        var book = WorkloadBook()
        book.begin(.init(token: "~a", since: UTCTime(microseconds: 1)))
        #expect(book.unnamed.map(\.token) == ["~a"] && book.allocations.map(\.job) == ["~a"])
        let ended = book.end("~a", at: UTCTime(microseconds: 2))
        #expect(ended?.isNamed == false)
        let first = book.name("~a", workload("1", devices: [0, 1, 9], exclusive: true), pseudonym: "p")
        let named = try #require(first)
        #expect(named.end == UTCTime(microseconds: 2) && book.unnamed.isEmpty && book.allocations.isEmpty)
        let second = book.name("~a", workload("2"), pseudonym: "q")
        #expect(second == nil)
        let lines = book.settle([line("~a")], durationNanoseconds: 10) { $0 == .number(9) ? nil : "gpu:\($0)" }
        #expect(lines.map(\.job) == ["p"] && lines[0].mode == .exclusive && lines[0].devices.count == 2)
        #expect(lines[0].cpuMicroseconds == 5 && lines[0].reservedMillicores == 1000)
    }

    @Test func aDroppedHoldThatGetsANameHoldsAgain() {
        var book = WorkloadBook()
        book.begin(.init(token: "~a", since: UTCTime(microseconds: 1)))
        book.drop("~a")
        #expect(book.allocations.isEmpty && book.unnamed.isEmpty)
        let named = book.name("~a", workload("1"), pseudonym: "p")
        #expect(named?.isDropped == false && book.allocations.map(\.job) == ["~a"])
    }

    /// Where the scheduler names no accelerator, the one that its processes work on is its own, if it is nobody's.
    @Test func anAcceleratorThatNobodyNamesIsHisWhoWorksOnIt() {
        var book = WorkloadBook()
        for (token, devices) in [("~a", []), ("~b", [1]), ("~c", [])] as [(String, [Int])] {
            book.begin(.init(token: token, since: UTCTime(microseconds: 1)))
            _ = book.name(token, workload(token, devices: devices), pseudonym: String(token.dropFirst()))
        }
        for (sensor, token) in [("gpu:0", "~a"), ("gpu:1", "~a"), ("gpu:2", "~b"), ("gpu:3", "~c"), ("gpu:3", "~a")] {
            book.see(sensor, heldBy: token)
        }
        book.see("gpu:4", heldBy: "of a claim")
        let lines = book.settle(["~a", "~b", "~c"].map { line($0) }, durationNanoseconds: 10) { device in
            if case .number(let number) = device { "gpu:\(number)" } else { nil }
        }
        let held = Dictionary(uniqueKeysWithValues: lines.map { ($0.job, $0.devices.map(\.sensor)) })
        #expect(held == ["a": ["gpu:0", "gpu:3"], "b": ["gpu:1"], "c": ["gpu:3"]])
    }

    /// A job's pod fails and comes again on the same node: between them the node is not the job's.
    @Test func aPodThatComesAgainIsTheNextAttempt() {
        var book = WorkloadBook()
        let job = Workload(identity: WorkloadIdentity(cluster: "k", scheduler: "kubernetes", id: "a/j/u"))
        func name(_ token: String, _ workload: Workload) -> Int64? {
            book.begin(.init(token: token, since: UTCTime(microseconds: 1)))
            return book.name(token, workload, pseudonym: workload.identity.id)?.workload?.attempt
        }
        #expect(name("~1", job) == 0 && name("~2", job) == 0)
        _ = book.end("~1", at: UTCTime(microseconds: 2))
        #expect(name("~3", job) == 0)
        for token in ["~2", "~3"] { _ = book.end(token, at: UTCTime(microseconds: 3)) }
        #expect(name("~4", job) == 1)
        // What a controller counts is not counted here.
        #expect(name("~5", workload("1")) == 0)
        _ = book.end("~5", at: UTCTime(microseconds: 4))
        #expect(name("~6", workload("1")) == 0)
        // An earlier run of the agent had counted.
        var kept = job
        kept.identity.id = "a/k/u"
        kept.attempt = 3
        #expect(name("~7", kept) == 3)
    }

    @Test func devicesMayComeAfterTheName() {
        var book = WorkloadBook()
        book.begin(.init(token: "~a", since: UTCTime(microseconds: 1)))
        _ = book.name("~a", workload("1"), pseudonym: "p")
        // Of another job they are not taken, and once there are some they stay.
        for (id, devices) in [("2", [3]), ("1", [0, 1]), ("1", [5])] {
            let again = book.name("~a", workload(id, devices: devices), pseudonym: "q")
            #expect(again == nil)
        }
        let lines = book.settle([line("~a")], durationNanoseconds: 10) { "\($0)" }
        #expect(lines.map(\.job) == ["p"] && lines[0].devices.count == 2)
    }

    @Test func twoHoldsOfOneJobAreOneLine() {
        var book = WorkloadBook()
        for token in ["~a", "~b"] {
            book.begin(.init(token: token, since: UTCTime(microseconds: 1)))
            _ = book.name(token, workload("1"), pseudonym: "p")
        }
        let beside = book.settle([line("~a"), line("~b")], durationNanoseconds: 10) { _ in nil }
        #expect(beside.count == 1 && beside[0].cpuMicroseconds == 10 && beside[0].reservedMillicores == 2000)
        let behind = book.settle([line("~a", held: 4), line("~b", held: 8)], durationNanoseconds: 10) { _ in nil }
        #expect(behind.count == 1 && behind[0].heldNanoseconds == 10 && behind[0].reservedMillicores == 1000)
    }

    @Test func linesOfClaimsStayAsTheyAre() {
        let claim = line("abc")
        #expect(WorkloadBook().settle([claim], durationNanoseconds: 10) { _ in nil } == [claim])
        #expect(WorkloadBook().settle([line("~gone")], durationNanoseconds: 10) { _ in nil }.isEmpty)
    }

    @Test func theRecordOfHoldsIsReadAsItWasWritten() throws {
        var known = SlurmWatch.Known(token: "", job: 5, since: UTCTime(microseconds: 3))
        known.group = .init(id: 5, directories: [], identity: 99, node: "n1")
        known.hasHook = true
        var job = workload("5", devices: [1], exclusive: true)
        job.devices.append(.identity("GPU-x"))
        job.labels = ["model": "m"]
        job.nodes = ["n1", "n2"]
        known.token = "~slurm/5/1"
        var request = ClaimRequest(key: JobKey(cluster: "c", scheduler: "exec", id: "a b", submitSeconds: nil))
        request.labels = ["model": "m"]
        request.devices = ["nvml:GPU-x"]
        request.rank = 3
        request.attempt = 2
        let claim = AllocationBook.Claim(
            request: request, pseudonym: "p", root: .init(pid: 7, startTicks: .max),
            holder: .init(pid: 8, startTicks: 9), uid: 1000, controlGroup: "/a", since: UTCTime(microseconds: 2))
        let record = WorkRecord(
            boot: "b", written: UTCTime(microseconds: 8),
            holds: [
                .init(token: known.token, since: known.since, known: known, workload: job, cpuMicroseconds: 4),
                .init(token: "~pod/u-1/2", since: known.since, isActive: true),
                .init(token: "~slurm/4/3", since: known.since, end: UTCTime(microseconds: 6)),
            ],
            claims: [
                .init(claim: claim, origin: .launcher, seen: ["nvml:GPU-x"]),
                .init(claim: claim, origin: .socket, end: UTCTime(microseconds: 7)),
            ])
        #expect(WorkRecord(bytes: record.bytes) == record)
        for text in ["", "{}", "[]", "{\"boot\": 1, \"holds\": []}"] {
            #expect(WorkRecord(bytes: Array(text.utf8)) == nil)
        }
    }
}
