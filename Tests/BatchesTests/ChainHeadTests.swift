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
        ]
        for (batch, code) in wrong { #expect(head.refusal(of: batch)?.code == code) }
    }

    @Test func headRebuiltFromTheLogIsTheSame() {
        var head = ChainHead(node: "n", opening: 5, leaf: opening)
        let first = batch(0, previous: opening, start: 100, first: 0, last: 50)
        head.advance(past: first, leaf: MerkleHash.leaf(of: first.text))
        #expect(ChainHead(after: first, leaf: MerkleHash.leaf(of: first.text)) == head)
    }
}
