import Accounts
import ArgumentParser
import Batches
import Energy
import JSONText
import SeededRandom
import TransparencyLog

/// Signed text to the accounts of merged jobs: parse, attribute, add up over all nodes; no signature, no database. The
/// limit is the rate at which the same core verifies the signatures of the same batches: merging must never be what an
/// aggregator or an auditor waits for.
struct MergeBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Batches attributed and merged per second of one core, in any order.")

    @Option(help: "Nodes of each job.") var nodes = 64
    @Option(help: "Batches of each node.") var batches = 200
    @Option(help: "Alternating slices of each kind.") var slices = 5
    @Option(help: "Seed of the order of arrival.") var seed: UInt64 = 1
    @Flag(help: "Print one JSON object.") var json = false

    private struct Arrival {
        var node: String
        var text: [UInt8]
        var note: SignedNote
        var key: VerifierKey
        var index: Int64
    }

    func validate() throws {
        guard nodes > 0, batches > 0, slices > 0 else { throw ValidationError("every count is at least 1") }
    }

    func run() throws {
        var random = SeededRandom(seed: seed)
        let arrivals = try arrivals(&random)
        let expected = try merge(arrivals)
        var merging: [Double] = []
        var verifying: [Double] = []
        for _ in 0..<slices {
            let order = arrivals.shuffled(using: &random)
            let begin = ContinuousClock.now
            let ledger = try merge(order)
            merging.append(Double(order.count) / ((ContinuousClock.now - begin) / .seconds(1)))
            guard ledger.energy == expected.energy, ledger.coverage == expected.coverage else {
                throw BenchError("seed \(seed): another order of arrival gives other accounts")
            }
            verifying.append(try verificationRate(order))
        }
        report(merging, verifying, accounts: expected.energy.count)
    }

    private func arrivals(_ random: inout SeededRandom) throws -> [Arrival] {
        var arrivals: [Arrival] = []
        for number in 0..<nodes {
            let name = "node-\(number)"
            let key = try SigningKey(name: name, seed: random.bytes(32))
            var chain = StandardBatch(
                log: "log.example/bench", node: name, key: key, incarnation: Int64(number), opening: .leaf(of: []),
                seed: UInt64(number))
            for _ in 0..<batches {
                let note = try SignedNote(parsing: try chain.next().note)
                arrivals.append(
                    Arrival(
                        node: name, text: Array(note.text), note: note, key: key.verifier,
                        index: Int64(arrivals.count)))
            }
        }
        return arrivals
    }

    private func merge(_ arrivals: [Arrival]) throws -> Ledger {
        var ledger = Ledger()
        for arrival in arrivals {
            let batch = try Batch(text: arrival.text)
            ledger.add(AttributionRule.attribution1.post(batch.facts), node: arrival.node, index: arrival.index)
        }
        return ledger
    }

    private func verificationRate(_ arrivals: [Arrival]) throws -> Double {
        var verified = 0
        let begin = ContinuousClock.now
        for arrival in arrivals where ContinuousClock.now - begin < .seconds(1) {
            guard arrival.key.isValidSignature(arrival.note.signatures[0], for: arrival.note.text) else {
                throw BenchError("a signature of the benchmark's own does not hold")
            }
            verified += 1
        }
        return Double(verified) / ((ContinuousClock.now - begin) / .seconds(1))
    }

    private func report(_ merging: [Double], _ verifying: [Double], accounts: Int) {
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let ratios = zip(merging, verifying).map { $0 / $1 }.sorted()
        let texts = [median(ratios), ratios.first ?? 0, ratios.last ?? 0].map { ratio in
            let hundredths = Int((ratio * 100).rounded())
            return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
        }
        if json {
            let object: JSONValue = [
                "batches_per_second_per_core": .integer(Int(median(merging))),
                "verifications_per_second": .integer(Int(median(verifying))),
                "ratio": .number(JSONNumber(text: texts[0])!), "ratio_min": .number(JSONNumber(text: texts[1])!),
                "ratio_max": .number(JSONNumber(text: texts[2])!), "slices": .integer(slices),
                "nodes": .integer(nodes), "batches": .integer(nodes * batches), "accounts": .integer(accounts),
                "seed": .integer(Int64(clamping: seed)), "any_order_equal": .bool(true),
            ]
            return print(object.text(.compact))
        }
        print(
            """
            merge          \(Int(median(merging))) batches/s of one core: parsed, attributed, added to \(accounts) \
            accounts
            verification   \(Int(median(verifying)))/s, Ed25519 alone, one core
            ratio          \(texts[0]) (\(texts[1]) to \(texts[2]) over \(slices) slices, each in another order of \
            arrival, seed \(seed); the accounts are equal)
            """)
    }
}
