import Batches
import Crypto
import Energy
import NodeAgent
import TransparencyLog

/// Batches for tests that look at facts and samples only.
enum UnsignedBatch {
    static func example(_ interval: RecordedIntervals.Interval) -> Batch {
        let block = interval.samples.bytes
        return Batch(
            log: "log", node: "n", position: ChainPosition(incarnation: 0, sequence: 0),
            previous: MerkleHash.leaf(of: []), anchor: nil, boot: nil,
            clock: ClockState(letter: .unknown, errorMicroseconds: nil), facts: interval.facts,
            samples: SampleCommitment(
                readings: Int64(interval.samples.readingCount), byteCount: Int64(block.count),
                sha256: Array(SHA256.hash(data: block))), salt: Array(repeating: 0, count: 16))
    }
}
