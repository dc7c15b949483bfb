package import Batches
package import Energy
package import JSONText
package import TransparencyLog

/// A random sample of the batches of a period for an assurer to test by hand, which nobody can steer.
///
/// Every batch gets the rank SHA-256("wattest/sample/v1\n" ‖ seed ‖ "\n" ‖ leaf hash), and the lowest ranks are the
/// sample: each batch is as likely as any other, the order of the log does not matter, and whoever knows the seed and
/// the entries finds the same ones. The seed is the assurer's and is named after the log was closed.
package struct SampleSelection: Sendable {
    package static let maximumCount = 10_000

    package struct Drawn: Sendable, Hashable {
        package var rank: MerkleHash
        package var index: UInt64
        package var leaf: MerkleHash
        package var node: String
        package var position: ChainPosition
        package var interval: UTCInterval
        package var samplesSHA256: [UInt8]?
    }

    package let seed: String
    package let count: Int
    package let period: UTCInterval
    /// Batches of the period.
    package private(set) var population = 0
    private var drawn: [Drawn] = []

    /// - Parameter count: 1 to `maximumCount`.
    package init(seed: String, count: Int, period: UTCInterval) {
        self.seed = seed
        self.count = min(max(1, count), Self.maximumCount)
        self.period = period
    }

    /// Takes an entry of the log, in any order.
    package mutating func append(_ bytes: [UInt8], at index: UInt64) throws {
        guard [Entry.Kind.batch, .extract].contains(Entry.Kind(text: bytes)) else { return }
        guard case .batch(let batch) = try Entry(text: Array(SignedNote(parsing: bytes).text)),
            batch.facts.interval.intersection(period) != nil
        else { return }
        population += 1
        let leaf = MerkleHash.leaf(of: bytes)
        let rank = MerkleHash.sha256(of: Array("wattest/sample/v1\n\(seed)\n".utf8) + leaf.bytes)
        drawn.append(
            Drawn(
                rank: rank, index: index, leaf: leaf, node: batch.node, position: batch.position,
                interval: batch.facts.interval, samplesSHA256: batch.samples?.sha256))
        if drawn.count >= 2 * count + 1024 { drawn = lowest }
    }

    private var lowest: [Drawn] {
        Array(drawn.sorted { $0.rank.bytes.lexicographicallyPrecedes($1.rank.bytes) }.prefix(count))
    }

    /// By rank.
    package var sample: [Drawn] { lowest }

    package var json: JSONValue {
        [
            "period": ["start": TimeText.json(period.start), "end": TimeText.json(period.end)],
            "seed": .string(seed), "method": "lowest SHA-256(\"wattest/sample/v1\\n\" seed \"\\n\" leaf hash)",
            "population": .integer(population),
            "entries": .array(
                lowest.map { entry in
                    [
                        "rank": .string(Hexadecimal.encode(entry.rank.bytes)), "index": .decimalString(entry.index),
                        "leaf": .string(entry.leaf.base64), "node": .string(entry.node),
                        "incarnation": .decimalString(entry.position.incarnation),
                        "seq": .decimalString(entry.position.sequence), "start": TimeText.json(entry.interval.start),
                        "end": TimeText.json(entry.interval.end),
                        "samples_sha256": .text(entry.samplesSHA256.map { Hexadecimal.encode($0) }),
                    ]
                }),
        ]
    }
}
