import Batches
import Energy
import SeededRandom
import Testing

@Suite struct SampleBlockTests {
    @Test(arguments: 0..<200) func decodingInvertsEncoding(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let block = randomBlock(&random)
        #expect(SampleBlock(bytes: block.bytes) == block, "seed \(seed)")
    }

    @Test(arguments: 0..<200) func noSecondCodingIsAccepted(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let bytes = randomBlock(&random).bytes
        for _ in 0..<200 {
            var mutated = bytes
            let position = Int(random.next() % UInt64(mutated.count))
            switch random.next() % 3 {
            case 0: mutated[position] = UInt8(truncatingIfNeeded: random.next())
            case 1: mutated.remove(at: position)
            default: mutated.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
            }
            if let accepted = SampleBlock(bytes: mutated) { #expect(accepted.bytes == mutated, "seed \(seed)") }
        }
    }

    @Test func standardBatchStaysUnderFourBytesAReading() {
        var random = SeededRandom(seed: 1)
        let block = standardBlock(&random)
        #expect(block.readingCount >= 390)
        let bytes = block.bytes.count
        #expect(bytes < 4 * block.readingCount, "\(bytes) bytes for \(block.readingCount) readings")
    }

    /// 13 counters read in the same passes at 1 Hz for 30 s, with the jitter of a sampling loop.
    private func standardBlock(_ random: inout SeededRandom) -> SampleBlock {
        let times = (0..<30).map { Int64($0) * 1_000_000_000 + Int64(random.next() % 200) * 1000 }
        let series = (0..<13).map { _ in
            var value: Int64 = 1_000_000_000
            let points = times.map { time in
                value += 1000 * (400_000 + Int64(random.next() % 20_000))
                return SampleBlock.Point(offsetNanoseconds: time, value: value)
            }
            return SampleBlock.Series(quantity: .counter, points: points)
        }
        return SampleBlock(series: series)
    }

    private func randomBlock(_ random: inout SeededRandom) -> SampleBlock {
        let series = (0..<Int(random.next() % 5)).map { _ in
            let repeatsTimes = random.next() % 3 == 0
            let isExtreme = random.next() % 8 == 0
            let unit: Int64 = [1, 1000, 1_000_000][Int(random.next() % 3)]
            let points = (0..<Int(random.next() % 40)).map { _ in
                SampleBlock.Point(
                    offsetNanoseconds: isExtreme
                        ? Int64.random(in: .min...(.max), using: &random)
                        : Int64(repeatsTimes ? 7 : random.next() % 1000) * unit,
                    value: isExtreme
                        ? Int64.random(in: .min...(.max), using: &random) : (Int64(random.next() % 9999) - 50) * unit)
            }
            let missing = (0..<Int(random.next() % 3)).map { _ in
                SampleBlock.Unreadable(
                    offsetNanoseconds: Int64(random.next() % 99_999),
                    reason: UnreadableReason.allCases[Int(random.next() % 7)])
            }
            return SampleBlock.Series(
                quantity: SampleBlock.Quantity(rawValue: UInt8(random.next() % 3))!, points: points, unreadable: missing
            )
        }
        return SampleBlock(series: series)
    }
}
