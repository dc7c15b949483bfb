import Batches
import ClusterSimulation
import Disclosure
import Energy
import Testing
import TransparencyLog

/// Ways to cheat with a log whose tree head somebody signs anyway, each with the first entry at which it shows.
enum Cheat {
    typealias Finding = (failureClass: ReplayFailure.Class, index: Int)

    static func apply(_ name: String, to log: inout SyntheticLog) throws -> Finding {
        let batches = log.entries.indices.filter { kind(log.entries[$0]) == .batch }
        switch name {
        case "delete a batch":
            // n2's second batch goes: its third finds no predecessor.
            let index = try position(of: "n2", sequence: 1, in: log)
            let next = try position(of: "n2", sequence: 2, in: log)
            log = try rebuilt(log) { $0.remove(at: index) }
            // The anchors behind it name a tree that had the batch, but the chain breaks first.
            return (.chain, next - 1)
        case "alter a reading":
            let index = batches[2]
            log = try rebuilt(log) { entries in
                let spot = try #require(
                    entries[index].firstRange(of: Array("nvml:GPU-0 nvml gpu dcmi:node counter 0 0 ".utf8)))
                entries[index][spot.upperBound] ^= 1
            }
            return (.signature, index)
        case "swap two batches":
            let a = try position(of: "n3", sequence: 0, in: log)
            let b = try position(of: "n3", sequence: 1, in: log)
            log = try rebuilt(log) { $0.swapAt(a, b) }
            return (.chain, a)
        case "repeat a batch":
            let index = try log.append(bytes: log.entries[try #require(batches.last)])
            return (.chain, Int(index))
        default: return try signedCheat(name, &log)
        }
    }

    private static func signedCheat(_ name: String, _ log: inout SyntheticLog) throws -> Finding {
        switch name {
        case "add a stranger's batch":
            let stranger = try SigningKey(name: "n3", seed: Array(repeating: 9, count: 32))
            let bytes = try secondBatch(of: "n3", in: log, signedBy: stranger)
            return (.signer, Int(try log.append(bytes: bytes)))
        case "import by a stranger":
            log.keys["n1x"] = try SigningKey(name: "n1x", seed: Array(repeating: 9, count: 32))
            let index = log.size
            try log.importLog(
                "m9", job: log.record("x").pseudonym, interval: examplePeriod, joules: 1, by: "n1x")
            return (.signer, Int(index))
        case "job by another name":
            let record = log.record("y")
            let entry = JobEntry(
                log: log.origin, time: log.now, event: .start, job: record.pseudonym, attempt: 0, witness: .scheduler,
                by: "n1", start: nil, stop: nil, expectedNodes: nil, nodes: [], recordSHA256: nil, salt: log.salt())
            return (.signer, Int(try log.append(.job(entry), by: try #require(log.keys["n2"]))))
        case "foreign log":
            var entry = ReportEntry(
                log: "log.example/other", time: log.now, number: 1, period: examplePeriod, audience: "public", size: 1,
                sha256: log.salt() + log.salt(), supersedes: nil, reason: nil, salt: log.salt())
            entry.number = 2
            return (.foreignLog, Int(try log.append(.report(entry), by: log.administration)))
        case "second genesis": return (.syntax, Int(try log.append(.genesis(log.genesis), by: log.administration)))
        case "two signatures":
            let text = Entry.genesis(log.genesis).text
            let signatures = [
                try log.administration.signature(for: text[...]), try log.log.signature(for: text[...]),
            ]
            return (.signature, Int(try log.append(bytes: SignedNote(text: text, signatures: signatures).bytes)))
        case "set by a node":
            let entry = SetEntry(
                log: log.origin, time: log.now, field: "site.pue", subject: "north", value: Array("1.0".utf8),
                effectiveFrom: nil, effectiveUntil: nil, by: "n1", reason: nil, salt: log.salt())
            return (.signer, Int(try log.append(.set(entry), by: try #require(log.keys["n1"]))))
        default: return try chainCheat(name, &log)
        }
    }

    private static func chainCheat(_ name: String, _ log: inout SyntheticLog) throws -> Finding {
        switch name {
        case "future anchor":
            let bytes = try nextBatch(of: "n3", in: log) { $0.anchor = TreeHead(size: 1 << 40, root: .emptyTree) }
            return (.anchor, Int(try log.append(bytes: bytes)))
        case "false anchor":
            let bytes = try nextBatch(of: "n3", in: log) { $0.anchor = TreeHead(size: 5, root: .leaf(of: [5])) }
            return (.anchor, Int(try log.append(bytes: bytes)))
        case "give energy back":
            let bytes = try nextBatch(of: "n3", in: log) { batch in
                for place in batch.facts.sensors.indices {
                    batch.facts.sensors[place].lastMicrojoules = batch.facts.sensors[place].firstMicrojoules - 1
                }
            }
            return (.chain, Int(try log.append(bytes: bytes)))
        case "joules to another job":
            // The aggregator re-writes whose batch it was; it has no node's key.
            let index = try position(of: "n1", sequence: 1, in: log)
            log = try rebuilt(log) { entries in
                let spot = try #require(entries[index].firstRange(of: Array("alloc ".utf8)))
                let other = Array(Pseudonym.encode(Array(repeating: 7, count: 16)).utf8)
                entries[index].replaceSubrange(spot.upperBound..<(spot.upperBound + 26), with: other)
            }
            return (.signature, index)
        case "batch after a conflict":
            try log.conflict("n3", second: secondBatch(of: "n3", in: log))
            return (.chain, Int(try log.batch("n3")))
        case "old key after rotation":
            let old = log.keys["n3"]
            try log.rotate("n3")
            log.keys["n3"] = old
            return (.signer, Int(try log.batch("n3")))
        case "batch after retirement":
            try log.retire("n3")
            return (.signer, Int(try log.batch("n3")))
        case "repeated report number":
            try log.report(number: 1, period: examplePeriod, size: 3, sha256: .leaf(of: [1]))
            return (.report, Int(try log.report(number: 1, period: examplePeriod, size: 4, sha256: .leaf(of: [2]))))
        case "two different reports":
            try log.report(number: 1, period: examplePeriod, size: 4, sha256: .leaf(of: [1]))
            return (.report, Int(try log.report(number: 2, period: examplePeriod, size: 4, sha256: .leaf(of: [2]))))
        case "key of a revoked node":
            let key = try #require(log.keys["n3"])
            let node = try #require(log.nodes["n3"])
            let entry = NodeEntry(
                log: log.origin, time: log.now, action: .revoke, node: "n3", role: .node, site: "north",
                key: key.verifier.text,
                position: ChainPosition(incarnation: node.incarnation, sequence: node.sequence - 1), salt: log.salt())
            try log.append(.node(entry), by: log.administration)
            return (.signer, Int(try log.batch("n3")))
        case "report about the future":
            return (
                .report, Int(try log.report(number: 1, period: examplePeriod, size: 99_999, sha256: .leaf(of: [1])))
            )
        default:
            Issue.record("unknown cheat \(name)")
            return (.syntax, 0)
        }
    }

    static func kind(_ bytes: [UInt8]) -> Entry.Kind? { Entry.Kind(text: bytes) }

    static func batch(_ bytes: [UInt8]) throws -> Batch? {
        guard case .batch(let batch) = try Entry(text: Array(SignedNote(parsing: bytes).text)) else { return nil }
        return batch
    }

    static func position(of node: String, sequence: Int64, in log: SyntheticLog) throws -> Int {
        let index = try log.entries.firstIndex { bytes in
            guard kind(bytes) == .batch, let batch = try Cheat.batch(bytes) else { return false }
            return batch.node == node && batch.position.sequence == sequence
        }
        return try #require(index)
    }

    static func secondBatch(
        of node: String, in log: SyntheticLog, signedBy key: SigningKey? = nil
    ) throws -> [UInt8] {
        let last = try #require(try log.entries.last { try Cheat.batch($0)?.node == node })
        var batch = try #require(try Cheat.batch(last))
        batch.salt = Array(repeating: 1, count: 16)
        let signer = try #require(key ?? log.keys[node])
        return try signer.sign(batch.text).bytes
    }

    static func nextBatch(
        of node: String, in log: SyntheticLog, _ change: (inout Batch) -> Void
    ) throws -> [UInt8] {
        var copy = log
        let index = try copy.batch(node)
        var batch = try #require(try Cheat.batch(copy.entries[Int(index)]))
        change(&batch)
        return try #require(log.keys[node]).sign(batch.text).bytes
    }

    /// The same log with other entries and the same keys.
    static func rebuilt(_ log: SyntheticLog, _ change: (inout [[UInt8]]) throws -> Void) throws -> SyntheticLog {
        var entries = log.entries
        try change(&entries)
        return log.replacing(entries)
    }
}

extension Array where Element == UInt8 {
    func firstRange(of other: [UInt8]) -> Range<Int>? {
        guard count >= other.count else { return nil }
        for start in 0...(count - other.count) where self[start..<(start + other.count)].elementsEqual(other) {
            return start..<(start + other.count)
        }
        return nil
    }
}
