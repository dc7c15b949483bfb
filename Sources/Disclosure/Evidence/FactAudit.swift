import Accounts
import Batches
import Energy
import JSONText
import TransparencyLog

/// Verifies single facts of a log: entries that travel alone, each with a proof that the log holds it.
///
/// What it cannot show is that these are all: for that a bundle replays the whole period.
package struct FactAudit: Sendable {
    /// An entry with its proof, as it was received.
    package struct Fact: Sendable {
        package enum Proof: Sendable {
            /// A `.tlog-proof` file; its extra line carries the entry.
            case file([UInt8])
            /// A COSE receipt and the entry beside it.
            case receipt([UInt8], entry: [UInt8])
        }

        package let place: String
        package let proof: Proof

        package init(place: String, proof: Proof) {
            self.place = place
            self.proof = proof
        }
    }

    struct Proved {
        var index: UInt64
        var entry: [UInt8]
        var place: String
        /// The tree that holds it, and the key that signed it.
        var size: UInt64
        var key: VerifierKey
        /// Of that tree; nil for a receipt, which signs a root without its size.
        var root: MerkleHash?
    }

    let policy: TrustPolicy

    /// - Parameter bytes: the auditor's own policy file.
    package init(policy bytes: [UInt8]) throws(ReplayFailure) {
        do {
            policy = try TrustPolicy(parsing: bytes)
        } catch {
            throw ReplayFailure(.policy, at: "policy", error.reason)
        }
    }

    package func run(_ facts: [Fact]) -> AuditReport {
        var report = AuditReport()
        do {
            let keyNotes = Self.logKeyNotes(in: facts)
            var proved: [Proved] = []
            for fact in facts { proved.append(try verify(fact, keyNotes)) }
            proved.sort { $0.index < $1.index }
            let logs = Dictionary(grouping: proved, by: \.key.name).sorted { $0.key < $1.key }.map(\.value)
            for log in logs { try checkHistory(of: log) }
            for log in logs { try describe(log, isAlone: logs.count == 1, &report) }
            finish(&report)
        } catch {
            report.failure = error
        }
        return report
    }

    // MARK: Proofs

    private func verify(_ fact: Fact, _ keyNotes: [[UInt8]]) throws(ReplayFailure) -> Proved {
        do {
            switch fact.proof {
            case .file(let bytes):
                let proof = try TLogProof(parsing: bytes)
                guard let entry = proof.extra else {
                    throw ReplayFailure(.file, at: fact.place, "the proof does not carry its entry")
                }
                let policy = try policy.following(SignedCheckpoint(parsing: proof.checkpoint)) { keyNotes }
                let verdict = try proof.verify(leaf: .leaf(of: entry), policy: policy)
                let head = verdict.checkpoint.head
                return Proved(
                    index: proof.index, entry: entry, place: fact.place, size: head.size, key: verdict.checkpoint.log,
                    root: head.root)
            case .receipt(let bytes, let entry): return try verify(receipt: bytes, entry, fact.place, keyNotes)
            }
        } catch let failure as ReplayFailure {
            throw failure
        } catch let error as TransparencyLogError {
            let remedy = error.code == .unsigned ? Self.keyRemedy : ""
            throw ReplayFailure(error.code == .badProof ? .range : .checkpoint, at: fact.place, error.reason + remedy)
        } catch {
            throw ReplayFailure(.file, at: fact.place, "\(error)")
        }
    }

    /// A receipt carries no cosignatures: only a policy without a quorum is content with it.
    private func verify(
        receipt bytes: [UInt8], _ entry: [UInt8], _ place: String, _ keyNotes: [[UInt8]]
    ) throws -> Proved {
        guard policy.quorum == nil else {
            throw ReplayFailure(
                .checkpoint, at: place, "a receipt has no cosignatures, and the policy wants a quorum",
                expected: policy.quorum?.description)
        }
        let receipt = try COSEReceipt(decoding: bytes)
        guard case .inclusion(let proof) = receipt.proof else {
            throw ReplayFailure(.file, at: place, "it is no receipt of inclusion")
        }
        for log in policy.logs {
            var succession = LogKeySuccession(origin: log.key.name, pinned: log.key)
            try succession.follow(keyNotes)
            for key in succession.keys where (try? receipt.verify(leaf: .leaf(of: entry), key: key)) != nil {
                return Proved(index: proof.index, entry: entry, place: place, size: proof.size, key: key)
            }
        }
        throw ReplayFailure(
            .checkpoint, at: place, "no log of the policy signed this receipt for this entry\(Self.keyRemedy)")
    }

    // MARK: Entries

    /// Two entries for one place, or two roots of one size, prove by themselves that the log signed two histories.
    private func checkHistory(of proved: [Proved]) throws(ReplayFailure) {
        var entries: [UInt64: Proved] = [:]
        var roots: [UInt64: Proved] = [:]
        for fact in proved where fact.root != nil {
            let (entry, root) = (entries[fact.index] ?? fact, roots[fact.size] ?? fact)
            guard entry.entry == fact.entry else {
                throw ReplayFailure(
                    .checkpoint, at: fact.place,
                    "the log signed two histories: entry \(fact.index) is another one in \(entry.place)")
            }
            guard root.root == fact.root else {
                throw ReplayFailure(
                    .checkpoint, at: fact.place,
                    "the log signed two histories: its first \(fact.size) entries are others in \(root.place)",
                    expected: root.root?.base64, found: fact.root?.base64)
            }
            entries[fact.index] = entry
            roots[fact.size] = root
        }
    }

    /// - Parameter proved: of one log.
    private func describe(
        _ proved: [Proved], isAlone: Bool, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        var summary = FactSummary(isOfOneLog: isAlone)
        var signers: SignerRegister?
        // The same proof under two names is one fact.
        var seen: Set<[UInt8]> = []
        for fact in proved where seen.insert(fact.entry).inserted {
            let index = fact.index
            let entry = try CheckedEntry(index: index, bytes: fact.entry, samples: nil, keys: signers)
            guard entry.entry.log == fact.key.name else {
                throw ReplayFailure(
                    .foreignLog, at: fact.place, "the entry belongs to another log", expected: fact.key.name,
                    found: entry.entry.log)
            }
            if case .genesis(let genesis) = entry.entry { signers = try? SignerRegister(genesis: genesis) }
            if case .node(let node) = entry.entry { _ = signers?.apply(node, at: Int64(clamping: index)) }
            var key = entry.verifiedKey ?? signers?.key(matching: entry.signature)
            if case .logKey(let change) = entry.entry { key = try Self.take(change, of: fact, &signers) }
            if let key {
                guard key.isValidSignature(entry.signature, for: entry.note.text) else {
                    throw ReplayFailure(.signature, at: fact.place, "the signature of \(key.name) is not valid")
                }
            }
            summary.add(entry, isSigned: key != nil)
        }
        try checkLogKeys(of: proved, signers, &report)
        summary.describe(sizes: Set(proved.map(\.size)), log: proved[0].key.name, &report)
    }

    private func finish(_ report: inout AuditReport) {
        report.notCovered.append("whether these are all entries about it: a bundle replays the whole period")
        report.claimed.append("time: as the signers state it")
    }
}

/// What the facts of one log say together.
private struct FactSummary {
    var isOfOneLog: Bool
    private var entries: Int64 = 0
    private var signed: Int64 = 0
    private var joules = JobSums()
    private var corrections: [(index: UInt64, entry: CorrectEntry)] = []

    init(isOfOneLog: Bool) { self.isOfOneLog = isOfOneLog }

    mutating func add(_ entry: CheckedEntry, isSigned: Bool) {
        entries += 1
        signed += isSigned ? 1 : 0
        switch entry.entry {
        case .batch(let batch): joules.add(entry.postings ?? BatchPostings(), node: batch.node)
        case .correct(let correction): corrections.append((entry.index, correction))
        default: break
        }
    }

    func describe(sizes: Set<UInt64>, log: String, _ report: inout AuditReport) {
        let (stated, of) = (sizes.sorted().map(String.init).joined(separator: ", "), isOfOneLog ? "" : " \(log)")
        report.proved.append("\(entries) entries stand in the log\(of), which had \(stated) entries")
        if signed > 0 { report.proved.append("\(signed) of them are signed by keys that the log enrolled") }
        if signed < entries {
            report.notCovered.append(
                "who signed \(entries - signed) entries: the entries that enrolled their keys are not here")
        }
        for (job, sum) in joules.byJob.sorted(by: { $0.key < $1.key }) {
            report.proved.append(
                "at least \(sum.microjoules) µJ are posted to job \(job), from \(sum.batches) batches of "
                    + "\(sum.nodes.count) nodes")
        }
        for correction in corrections { describe(correction.entry, correction.index, &report) }
        if !joules.byJob.isEmpty {
            report.notCovered.append(
                "whether some of it counts elsewhere: by corrections that are not here, or as another batch had the"
                    + " node's time already")
        }
        report.count("entries", entries)
        report.count("signed", signed)
    }

    private func describe(_ correction: CorrectEntry, _ index: UInt64, _ report: inout AuditReport) {
        var sums: [String: Int128] = [:]
        for move in correction.moves {
            sums["from \(move.from.name) to \(move.to.name)", default: 0] += Int128(move.microjoules)
        }
        for (way, microjoules) in sums.sorted(by: { $0.key < $1.key }) {
            report.claimed.append(
                "that entry \(index) rightly moves \(microjoules) µJ \(way): \(correction.by) says"
                    + " '\(correction.reason)'")
        }
    }
}

/// What batches post to jobs.
private struct JobSums {
    struct Sum {
        var microjoules: Int128 = 0
        var batches = 0
        var nodes: Set<String> = []
    }

    private(set) var byJob: [String: Sum] = [:]

    mutating func add(_ postings: BatchPostings, node: String) {
        for job in Set(postings.postings.compactMap(\.account.job)) {
            var sum = byJob[job] ?? Sum()
            for posting in postings.postings where posting.account.job == job {
                sum.microjoules += Int128(posting.microjoules)
            }
            sum.batches += 1
            sum.nodes.insert(node)
            byJob[job] = sum
        }
    }
}
