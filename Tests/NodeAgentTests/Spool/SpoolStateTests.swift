import Batches
import NodeAgent
import SeededRandom
import Testing
import TransparencyLog

@Suite struct SpoolStateTests {
    private let capacity = 1 << 20

    private func item(_ sequence: Int64, note: Int, samples: Int) -> SpoolItem {
        SpoolItem(
            leaf: .leaf(of: Array("\(sequence)".utf8)), position: ChainPosition(incarnation: 1, sequence: sequence),
            noteByteCount: note, samplesByteCount: samples)
    }

    @Test(arguments: [
        (50, SpoolState.Pressure.none), (51, .dropsBlocks), (75, .dropsBlocks), (76, .longBatches), (90, .longBatches),
        (91, .hourlyBatches), (99, .hourlyBatches), (100, .keepsOpen), (150, .keepsOpen),
    ]) func pressureRisesWithTheFilling(percent: Int, expected: SpoolState.Pressure) {
        var state = SpoolState(capacityBytes: capacity)
        _ = state.add(item(0, note: capacity / 100 * percent + (percent >= 100 ? 100 : 0), samples: 0))
        #expect(state.pressure == expected)
    }

    @Test func intervalsGrowAndNeverShrinkBelowTheConfigured() {
        #expect(SpoolState.Pressure.dropsBlocks.intervalSeconds(configured: 30) == 30)
        #expect(SpoolState.Pressure.longBatches.intervalSeconds(configured: 30) == 300)
        #expect(SpoolState.Pressure.hourlyBatches.intervalSeconds(configured: 30) == 3600)
        #expect(SpoolState.Pressure.keepsOpen.intervalSeconds(configured: 30) == nil)
        #expect(SpoolState.Pressure.longBatches.keepsBlocks && !SpoolState.Pressure.hourlyBatches.keepsBlocks)
    }

    @Test func theOldestBlocksGoFirstAndNotesStay() {
        var state = SpoolState(capacityBytes: capacity)
        var dropped: [Int64] = []
        for sequence in 0..<10 {
            let item = item(Int64(sequence), note: 1000, samples: 100_000)
            dropped += state.add(item).compactMap { $0.position?.sequence }
        }
        #expect(dropped == [0, 1, 2, 3, 4])
        #expect(state.count == 10 && state.byteCount == 10 * 1000 + 5 * 100_000)
        #expect(state.droppedBlocks == 5)
    }

    @Test func whatTravelsBesideAnEntryOutsideOfChainsIsNeverDropped() {
        var state = SpoolState(capacityBytes: capacity)
        let record = SpoolItem(leaf: .leaf(of: [1]), position: nil, noteByteCount: 1, samplesByteCount: capacity)
        #expect(state.add(record).isEmpty)
        #expect(state[record.leaf]?.samplesByteCount == capacity)
    }

    @Test(arguments: 0..<50) func theSumIsAlwaysThatOfTheItems(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var state = SpoolState(capacityBytes: capacity)
        var held: [Int64] = []
        for step in 0..<300 {
            if random.next() % 3 > 0 {
                let item = item(Int64(step), note: Int(random.next() % 5000), samples: Int(random.next() % 50_000))
                _ = state.add(item)
                held.append(Int64(step))
            } else if !held.isEmpty {
                let gone = held.remove(at: Int(random.next() % UInt64(held.count)))
                #expect(state.remove(item(gone, note: 0, samples: 0).leaf) != nil)
            }
            let sum = held.reduce(0) { $0 + (state[item($1, note: 0, samples: 0).leaf]?.byteCount ?? -1) }
            #expect(sum == state.byteCount, "seed \(seed)")
        }
    }
}
