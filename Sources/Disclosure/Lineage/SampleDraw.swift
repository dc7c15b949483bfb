import Accounts
import Energy
package import TransparencyLog

/// A sample of single microjoules, each with the same chance: so each node-hour and each batch by the energy in it.
///
/// Monetary-unit sampling as auditors do it, with joules for money. The draws follow from the seed and the log, so
/// that whoever names the seed can draw again, and an operator who learns of it after the checkpoint cannot choose.
package struct SampleDraw: Sendable {
    package struct Hit: Sendable, Hashable {
        /// From 1 on.
        package var number: Int
        /// Microjoule of the population, from 0 on.
        package var position: Int128
        package var term: FigureTrace.Term
        /// Microjoule inside the term.
        package var offset: Int128
    }

    package let seed: String
    package let count: Int
    private let checkpoint: Checkpoint

    /// - Parameter checkpoint: of the log prefix that the figure is made from.
    package init(seed: String, count: Int, checkpoint: Checkpoint) {
        self.seed = seed
        self.count = count
        self.checkpoint = checkpoint
    }

    /// Negative sums, which an integrated sensor can leave, have no microjoules to draw.
    static func population(_ terms: [FigureTrace.Term]) -> Int128 {
        terms.reduce(0) { $0 + max(0, $1.microjoules) }
    }

    /// The first 128 bits of SHA-256 over six lines (`wattest/sample/v1`, the log's origin, size and root, the number
    /// of the draw, the seed), modulo the population: below 2⁶⁴ µJ no microjoule is favoured by more than 2⁻⁶⁴.
    package func position(_ number: Int, in population: Int128) -> Int128 {
        guard population > 0 else { return 0 }
        let lines = [
            "wattest/sample/v1", checkpoint.origin, "\(checkpoint.size)", checkpoint.root.hexadecimal, "\(number)",
            seed,
        ]
        let digest = MerkleHash.sha256(of: Array(lines.map { $0 + "\n" }.joined().utf8)).bytes
        let value = digest.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        return Int128(value % UInt128(population))
    }

    /// In the order of drawing; a term can be hit more than once.
    func hits(in terms: [FigureTrace.Term]) -> [Hit] {
        var ends: [Int128] = []
        var sum: Int128 = 0
        for term in terms {
            sum += max(0, term.microjoules)
            ends.append(sum)
        }
        guard sum > 0 else { return [] }
        return (1...count).map { number in
            let position = position(number, in: sum)
            let index = Self.first(ends, above: position)
            let start = index == 0 ? 0 : ends[index - 1]
            return Hit(number: number, position: position, term: terms[index], offset: position - start)
        }
    }

    /// The batch in which a microjoule of a term lies, by the order of the log; nil when a correction brought it.
    static func batch(at offset: Int128, of sources: [BatchTrace.Source]) -> BatchTrace.Source? {
        var rest = offset
        for source in sources where source.microjoules > 0 {
            if rest < source.microjoules { return source }
            rest -= source.microjoules
        }
        return nil
    }

    private static func first(_ ends: [Int128], above position: Int128) -> Int {
        var (low, high) = (0, ends.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] > position { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
