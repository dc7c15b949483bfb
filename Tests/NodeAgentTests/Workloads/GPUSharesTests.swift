import Accounts
import Batches
import Energy
import Sensors
import Testing

@testable import NodeAgent

/// Boards that several jobs hold: each pays for what it used, and all together for the board.
@Suite struct GPUSharesTests {
    private static let board = "nvml:GPU-a"

    private func facts(_ jobs: [String], microjoules: Int64 = 1_000_001) -> IntervalFacts {
        let gpu = SensorFacts(
            id: Self.board, kind: "nvml", layer: .gpu, within: nil, provenance: .counter, epoch: 0,
            firstMicrojoules: 0, lastMicrojoules: microjoules, readings: 30, longestGapMilliseconds: 1000,
            bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 0, flags: [])
        let start = UTCTime(seconds: 1_790_000_100)
        return IntervalFacts(
            interval: UTCInterval(start: start, end: UTCTime(seconds: 1_790_000_130)),
            monotonic: MonotonicInterval(startNanoseconds: 100, endNanoseconds: 30_000_000_100), state: .measured,
            host: HostFacts(millicores: 1000, unheldCPUMicroseconds: 0), sensors: [gpu],
            allocations: jobs.map { job in
                AllocationFacts(
                    job: job, mode: .shared, devices: [DeviceHold(sensor: Self.board)], cpuMicroseconds: 1,
                    reservedMillicores: 0, since: start)
            })
    }

    private func take(_ shares: inout GPUShares, _ board: NVMLWork.Board, at nanoseconds: Int64) {
        let jobs: [Int32: String] = [1: "~slurm/7/1", 2: "b", 3: "b"]
        shares.take(
            [board], at: nanoseconds, sensor: { $0 == "GPU-a" ? Self.board : nil }, job: { jobs[$0] })
    }

    private func weigh(
        _ shares: inout GPUShares, _ jobs: [String], held: [String: [String]] = [:]
    ) -> IntervalFacts {
        var facts = facts(jobs)
        shares.weigh(&facts, name: { $0 == "~slurm/7/1" ? "a" : $0 }, held: { held[$0] ?? [] })
        return facts
    }

    private func weights(_ facts: IntervalFacts) -> [Int64?] { facts.allocations.map { $0.devices[0].weight } }

    @Test func theMeasuredShareIsPaid() {
        var shares = GPUShares()
        take(&shares, .init(uuid: "GPU-a", busy: [1: 30, 2: 50, 3: 20, 9: 70]), at: 5_000_000_000)
        take(&shares, .init(uuid: "GPU-a", busy: [1: 10]), at: 10_000_000_000)
        let weighed = weigh(&shares, ["a", "b"])
        #expect(weights(weighed) == [40, 70])
        let postings = AttributionRule.attribution1.post(weighed)
        #expect(postings.totalMicrojoules == 1_000_001 && !postings.flags.contains("equal-share"))
        let amounts = postings.postings.map { ($0.account.key, $0.microjoules) }
        #expect(amounts.first { $0.0 == "job/a" }?.1 == 363_637)
        #expect(amounts.first { $0.0 == "job/b" }?.1 == 636_364)
    }

    @Test func whatLiesOutsideOfTheIntervalIsNotPaidInIt() {
        var shares = GPUShares()
        take(&shares, .init(uuid: "GPU-a", busy: [1: 99]), at: 100)
        take(&shares, .init(uuid: "GPU-a", busy: [1: 30, 2: 50]), at: 5_000_000_000)
        take(&shares, .init(uuid: "GPU-a", busy: [2: 99]), at: 31_000_000_000)
        let first = weigh(&shares, ["a", "b"])
        #expect(weights(first) == [30, 50])
        // What was paid is not paid again.
        let again = weigh(&shares, ["a", "b"])
        #expect(weights(again) == [nil, nil])
    }

    @Test func oneHolderNeedsNoShareAndNobodysIsSplitEqually() {
        var shares = GPUShares()
        take(&shares, .init(uuid: "GPU-a", busy: [1: 30, 2: 50]), at: 5_000_000_000)
        let alone = weigh(&shares, ["a"])
        #expect(weights(alone) == [nil])
        let unmeasured = weigh(&shares, ["a", "b"])
        #expect(weights(unmeasured) == [nil, nil])
        #expect(AttributionRule.attribution1.post(unmeasured).flags.contains("equal-share"))
    }

    @Test func instancesShareByTheirMultiprocessors() {
        var shares = GPUShares()
        let instances = [
            NVMLWork.Instance(uuid: "MIG-1", multiprocessors: 60), .init(uuid: "MIG-2", multiprocessors: 28),
            .init(uuid: "MIG-3", multiprocessors: 14),
        ]
        take(&shares, .init(uuid: "GPU-a", processes: [1, 2], instances: instances), at: 5_000_000_000)
        #expect(shares.instances["MIG-2"]?.sensor == Self.board)
        let weighed = weigh(&shares, ["a", "b"], held: ["a": ["MIG-1"], "b": ["MIG-2", "MIG-3"]])
        #expect(weights(weighed) == [60, 42])
        // One of which nobody knows the part: no share at all.
        let half = weigh(&shares, ["a", "b"], held: ["a": ["MIG-1"]])
        #expect(weights(half) == [nil, nil])
    }

    @Test func aClaimWithoutDevicesHasThoseOnWhichItWorks() throws {
        var book = AllocationBook()
        let claim = AllocationBook.Claim(
            request: ClaimRequest(
                key: JobKey(cluster: "c", scheduler: "torchrun", id: "r", submitSeconds: nil)), pseudonym: "p",
            root: .init(pid: 7, startTicks: 1), uid: 0, controlGroup: nil, since: UTCTime(seconds: 1))
        _ = book.begin(claim, id: 1)
        let isNew = book.see(Self.board, heldBy: "p")
        let isAgain = book.see(Self.board, heldBy: "p")
        #expect(isNew && !isAgain && book.allocations.map(\.devices) == [[Self.board]])
        // One that names its devices has those.
        var named = claim
        named.request.devices = ["nvml:GPU-b"]
        _ = book.begin(named, id: 2)
        let isTaken = book.see("nvml:GPU-c", heldBy: "p")
        #expect(!isTaken && book.allocations.map(\.devices) == [["nvml:GPU-b"]])
        let isStranger = book.see(Self.board, heldBy: "q")
        #expect(!isStranger)
    }
}
