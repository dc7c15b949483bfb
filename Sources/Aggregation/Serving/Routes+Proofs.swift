import Batches
import Disclosure
import HTTPEdge
import Hummingbird
import JSONText
import Store
import TransparencyLog

/// Single facts with their proofs: one entry, or everything about one job, for somebody who gets nothing else.
extension Routes {
    func addProofs(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/proofs") { request, context in
            let runtime = try await organization(request, context)
            let query = request.uri.queryParameters
            let form = try Self.form(query["form"].map(String.init))
            let checkpoint = try await runtime.publish()
            let proofs = EntryProofs(runtime: runtime, checkpoint: checkpoint, form: form)
            let indexes: [UInt64]
            switch (query["index"].map(String.init), query["job"].map(String.init)) {
            case (let text?, nil):
                guard let index = UInt64(text), index < checkpoint.checkpoint.size else {
                    throw Problem.notFound("the log has \(checkpoint.checkpoint.size) entries, none at \(text)")
                }
                indexes = [index]
            case (nil, let job?):
                indexes = try await proofs.indexes(ofJob: try PercentText.decoded(job, "job"))
            default: throw Problem.badRequest("index or job: one of them says which entries")
            }
            return Response(streaming: "application/x-tar", logger: context.logger) { send in
                try await proofs.write(indexes, send)
            }
        }
        router.get("/v1/organizations/{org}/disclosures/{number}/statement") { request, context in
            let runtime = try await organization(request, context)
            return try await statement(try Self.pathPart("number", context), runtime)
        }
    }

    private static func form(_ text: String?) throws(Problem) -> EntryProofs.Form {
        guard let form = EntryProofs.Form(rawValue: text ?? EntryProofs.Form.tlog.rawValue) else {
            throw .badRequest("form: one of \(EntryProofs.Form.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return form
    }

    /// The issued report as an in-toto statement in a DSSE envelope. The same report gives the same bytes.
    private func statement(_ text: String, _ runtime: LogRuntime) async throws -> Response {
        let report = try await issued(text, runtime)
        var checkpoint = try await runtime.database.checkpoint(covering: report.index + 1)
        if checkpoint == nil { checkpoint = try await runtime.publish().bytes }
        // Of its own time: the log may have changed its key since.
        let size = try SignedCheckpoint(parsing: checkpoint ?? []).checkpoint.size
        let statement = try ReportStatement(
            issued: JSONValue(parsing: report.body), checkpoint: checkpoint ?? [],
            logKey: runtime.sequencer.withIntake { $0.signers.logKey(at: size) },
            signedBy: [runtime.keys.administration, runtime.keys.log])
        return Response(type: "application/vnd.dsse+json", bytes: Array("\(statement.envelope.json)\n".utf8))
    }
}

extension PercentText {
    static func decoded(_ text: String, _ what: String) throws(Problem) -> String {
        guard let decoded = decode(text) else { throw .badRequest("\(what) is not percent-encoded UTF-8") }
        return decoded
    }
}

/// Entries of one log with proofs from its tiles.
private struct EntryProofs: Sendable {
    enum Form: String, CaseIterable {
        case tlog = "tlog-proof"
        case cose
    }

    let runtime: LogRuntime
    let checkpoint: SignedCheckpoint
    let form: Form
    private static let portion: Int64 = 1024

    private var size: Int64 { Int64(clamping: checkpoint.checkpoint.size) }

    /// Everything about a job, and the entries that say whose signatures these are and the checkpoint's.
    func indexes(ofJob name: String) async throws -> [UInt64] {
        let pseudonym = try await runtime.database.pseudonym(ofJob: name)
        let wanted = Array(pseudonym.utf8)
        var found: Set<UInt64> = []
        var signers: Set<String> = []
        var logKeys: Set<UInt64> = []
        var enrolments: [(name: String, index: UInt64)] = []
        for start in stride(from: 0, to: size, by: Int(Self.portion)) {
            let notes = try await runtime.database.notes(start..<min(size, start + Self.portion))
            for (offset, note) in notes.enumerated() {
                let index = UInt64(start) + UInt64(offset)
                // Whoever has pinned an older key of the log follows these.
                if note.starts(with: Entry.Kind.logKey.version.utf8) { logKeys.insert(index) }
                let isNode = note.starts(with: Entry.Kind.node.version.utf8)
                guard isNode || note.contains(wanted) else { continue }
                let signed = try SignedNote(parsing: note)
                let entry = try Entry(text: Array(signed.text))
                if case .node(let node) = entry { enrolments.append((node.node, index)) }
                guard entry.concerns(job: pseudonym) else { continue }
                found.insert(index)
                signers.formUnion(signed.signatures.map(\.name))
            }
        }
        guard !found.isEmpty else { throw Problem.notFound("the log has no entry about job '\(name)' yet") }
        found.formUnion(logKeys.union([0]))
        found.formUnion(enrolments.filter { signers.contains($0.name) }.map(\.index))
        return found.sorted()
    }

    func write(_ indexes: [UInt64], _ send: ([UInt8]) async throws -> Void) async throws {
        let tree = TiledTree(size: checkpoint.checkpoint.size)
        let tiles = TileFiles(directory: runtime.directory)
        for index in indexes {
            let place = Int64(clamping: index)
            guard let entry = try await runtime.database.notes(place..<(place + 1)).first else {
                throw StoreError(.invalidData, "entry \(index) is gone from the database")
            }
            let proof = try tree.inclusionProof(of: index) { tile throws(TransparencyLogError) in
                try tiles.read(tile)
            }
            // What leaves the house was checked here: a damaged tile must not become somebody else's riddle.
            try proof.verify(leaf: .leaf(of: entry), root: checkpoint.checkpoint.root)
            for file in try files(index, entry, proof) {
                guard let member = TarArchive.member(file) else { continue }
                try await send(member)
            }
        }
        try await send(TarArchive.end)
    }

    private func files(_ index: UInt64, _ entry: [UInt8], _ proof: InclusionProof) throws -> [BundleFile] {
        switch form {
        case .tlog:
            let bytes = TLogProof(proof, checkpoint: checkpoint, extra: entry).bytes
            return [BundleFile(path: "\(index).tlog-proof", bytes: bytes)]
        case .cose:
            let receipt = try COSEReceipt(
                .inclusion(proof), root: checkpoint.checkpoint.root, signedBy: runtime.keys.log)
            return [
                BundleFile(path: "\(index).cose", bytes: receipt.encoded),
                BundleFile(path: "\(index).note", bytes: entry),
            ]
        }
    }
}
