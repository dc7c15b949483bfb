import Batches
import Energy
import SeededRandom
import Testing
import TransparencyLog

@Suite struct ChainHeadTests {
    private let opening = MerkleHash.leaf(of: [1])

    private func batch(
        _ sequence: Int64, previous: MerkleHash, start: Int64, seconds: Int64 = 30, first: Int64, last: Int64
    ) -> Batch {
        let sensor = SensorFacts(
            id: "s", kind: "test", layer: .nodeAC, within: nil, provenance: .counter, epoch: 0,
            firstMicrojoules: first, lastMicrojoules: last, readings: 30, longestGapMilliseconds: 1000,
            bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 0, flags: [])
        let facts = IntervalFacts(
            interval: UTCInterval(start: UTCTime(seconds: start), end: UTCTime(seconds: start + seconds)),
            monotonic: MonotonicInterval(
                startNanoseconds: start * 1_000_000_000, endNanoseconds: (start + seconds) * 1_000_000_000),
            state: .measured, host: nil, sensors: [sensor], allocations: [])
        return Batch(
            log: "log", node: "n", position: ChainPosition(incarnation: 5, sequence: sequence), previous: previous,
            anchor: nil, boot: "b", clock: ClockState(letter: .unknown, errorMicroseconds: nil), facts: facts,
            samples: nil, salt: Array(repeating: 0, count: 16))
    }

    @Test func batchesTileTimeAndCounters() {
        var head = ChainHead(node: "n", opening: 5, leaf: opening)
        let first = batch(0, previous: opening, start: 100, first: 0, last: 50)
        #expect(head.refusal(of: first) == nil)
        let leaf = MerkleHash.leaf(of: first.text)
        head.advance(past: first, leaf: leaf)
        #expect(head.refusal(of: batch(1, previous: leaf, start: 130, first: 50, last: 60)) == nil)

        let wrong: [(Batch, Refusal.Code)] = [
            (batch(0, previous: opening, start: 100, first: 0, last: 50), .chainGap),
            (batch(2, previous: leaf, start: 130, first: 50, last: 60), .chainGap),
            (batch(1, previous: opening, start: 130, first: 50, last: 60), .chainGap),
            (batch(1, previous: leaf, start: 131, first: 50, last: 60), .chainGap),
            (batch(1, previous: leaf, start: 129, first: 50, last: 60), .overlap),
            (batch(1, previous: leaf, start: 130, first: 51, last: 60), .chainGap),
            (batch(1, previous: leaf, start: 130, seconds: -1, first: 50, last: 60), .overlap),
            // A counter never gives energy back.
            (batch(1, previous: leaf, start: 130, first: 50, last: 49), .badSyntax),
        ]
        for (batch, code) in wrong { #expect(head.refusal(of: batch)?.code == code) }
    }

    /// A tenant is not always there: its extracts tile counters, and time only forwards.
    @Test func extractsTileCountersAlone() {
        func extract(_ batch: Batch) -> Batch {
            var batch = batch
            batch.home = HomeBatch(
                log: "home", position: ChainPosition(incarnation: 1, sequence: 1), leaf: opening)
            return batch
        }
        var head = ChainHead(node: "n", opening: 5, leaf: opening)
        let first = extract(batch(0, previous: opening, start: 100, first: 0, last: 50))
        #expect(head.refusal(of: first) == nil)
        let leaf = MerkleHash.leaf(of: first.text)
        head.advance(past: first, leaf: leaf)
        for start in [130, 131, 900] as [Int64] {
            #expect(head.refusal(of: extract(batch(1, previous: leaf, start: start, first: 50, last: 60))) == nil)
        }
        let early = extract(batch(1, previous: leaf, start: 129, first: 50, last: 60))
        #expect(head.refusal(of: early)?.code == .overlap)
        let jumped = extract(batch(1, previous: leaf, start: 900, first: 51, last: 60))
        #expect(head.refusal(of: jumped)?.code == .chainGap)
        let whole = batch(1, previous: leaf, start: 130, first: 50, last: 60)
        #expect(head.refusal(of: whole)?.code == .chainGap)
    }

    @Test func headRebuiltFromTheLogIsTheSame() {
        var head = ChainHead(node: "n", opening: 5, leaf: opening)
        let first = batch(0, previous: opening, start: 100, first: 0, last: 50)
        head.advance(past: first, leaf: MerkleHash.leaf(of: first.text))
        #expect(ChainHead(after: first, leaf: MerkleHash.leaf(of: first.text)) == head)
    }
}
