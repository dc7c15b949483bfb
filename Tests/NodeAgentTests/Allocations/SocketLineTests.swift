import Batches
import Energy
import NodeAgent
import Testing

@Suite struct SocketLineTests {
    private func parse(_ text: String) throws -> SocketLine {
        try SocketLine(parsing: Array(text.utf8), site: "hall 2")
    }

    @Test func aBareNameBecomesAKeyOfTheSite() throws {
        guard case .begin(let request) = try parse("begin llama-70b") else { return #expect(Bool(false)) }
        #expect(request.key.description == "hall%202/exec/llama-70b@-")
        #expect(request == ClaimRequest(key: request.key))
    }

    @Test func everyOptionIsTaken() throws {
        let line =
            "begin c/slurm/4711@1715900000 mode=exclusive devices=nvml%3AGPU-1%2Cnvml%3AGPU-2 cores=8000 "
            + "expect-nodes=8 rank=3 pid=77 label.model=llama%2070b"
        guard case .begin(let request) = try parse(line) else { return #expect(Bool(false)) }
        #expect(request.key == JobKey(cluster: "c", scheduler: "slurm", id: "4711", submitSeconds: 1_715_900_000))
        #expect(request.mode == .exclusive && request.reservedMillicores == 8000 && request.pid == 77)
        #expect(request.devices == ["nvml:GPU-1", "nvml:GPU-2"] && request.rank == 3 && request.expectedNodes == 8)
        #expect(request.labels == ["model": "llama 70b"])
    }

    @Test func progressIsKeptInMillionths() throws {
        #expect(try parse("progress step=12 loss=0.86") == .progress(["step": 12_000_000, "loss": 860_000]))
        #expect(try parse("end") == .end)
    }

    @Test(arguments: [
        "", "begin", "begin ", "begin a/b", "begin a mode=all", "begin a cores=-1", "begin a cores=x", "begin a x=1",
        "begin a label.claim.uid=0", "begin a label.=1", "begin a  cores=1", "begin a devices=%20", "begin %zz",
        "progress step", "progress step=abc", "end now", "hello", "begin a expect-nodes=0", "begin a label.x=%",
    ]) func nonsenseIsRefusedInWords(line: String) {
        #expect(throws: SocketFault.self) { try self.parse(line) }
    }
}

@Suite struct AllocationBookTests {
    private func claim(_ name: String, rank: Int64?, at seconds: Int64) -> AllocationBook.Claim {
        var request = ClaimRequest(key: JobKey(cluster: "c", scheduler: "exec", id: name, submitSeconds: nil))
        request.rank = rank
        request.reservedMillicores = 1000
        return AllocationBook.Claim(
            request: request, pseudonym: Pseudonym.of(jobKey: request.key.description, salt: []),
            root: ProcessTree.Root(pid: 1, startTicks: 1), uid: 1000, controlGroup: nil,
            since: UTCTime(seconds: seconds))
    }

    @Test func ranksOfOneJobAreOneHold() {
        var book = AllocationBook()
        let (first, second) = (claim("a", rank: 0, at: 10), claim("a", rank: 1, at: 20))
        #expect(book.begin(first, id: 1) == .started(first))
        #expect(book.begin(second, id: 2) == .changed)
        #expect(book.allocations.count == 1)
        #expect(book.allocations[0].since == UTCTime(seconds: 10) && book.allocations[0].rank == nil)
        #expect(book.allocations[0].reservedMillicores == 2000)
        #expect(book.end(1) == .changed)
        guard case .ended(let ended) = book.end(2) else { return #expect(Bool(false)) }
        #expect(ended.since == UTCTime(seconds: 10) && book.allocations.isEmpty)
        #expect(book.end(2) == .none)
    }

    @Test func aJobThatHoldsTheNodeAgainIsInItsNextAttempt() {
        var book = AllocationBook()
        func attempt(_ change: AllocationBook.Change) -> Int64? {
            switch change {
            case .started(let claim), .ended(let claim): claim.request.attempt
            case .changed, .none: nil
            }
        }
        for expected in 0..<3 {
            #expect(attempt(book.begin(claim("a", rank: 0, at: 10), id: 1)) == Int64(expected))
            #expect(book.begin(claim("a", rank: 1, at: 11), id: 2) == .changed)
            #expect(book.end(1) == .changed)
            // Another job between is none of its attempts.
            #expect(attempt(book.begin(claim("b", rank: 0, at: 12), id: 3)) == Int64(expected))
            #expect(attempt(book.end(3)) == Int64(expected))
            #expect(attempt(book.end(2)) == Int64(expected))
        }
        // A launcher has counted more: the agent was away.
        var later = claim("a", rank: 0, at: 20)
        later.request.attempt = 7
        #expect(attempt(book.begin(later, id: 4)) == 7)
        #expect(attempt(book.end(4)) == 7)
        #expect(attempt(book.begin(claim("a", rank: 0, at: 30), id: 5)) == 8)
    }
}
