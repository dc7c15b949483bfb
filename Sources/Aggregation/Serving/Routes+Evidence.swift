import Batches
import Disclosure
import Energy
import HTTPEdge
import Hummingbird
import Store
import TransparencyLog

/// The evidence of a period as one stream: everything that an auditor needs to redo the disclosure offline.
extension Routes {
    func addEvidence(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/evidence") { request, context in
            let runtime = try await organization(request, context)
            let query = try ReportQuery(request)
            let withSamples = request.uri.queryParameters["samples"].map { $0 != "0" } ?? true
            let begun = try Self.begun(request)
            var earlier: SignedCheckpoint?
            if let size = begun.size {
                guard let note = try await runtime.database.checkpoint(covering: size),
                    let signed = try? SignedCheckpoint(parsing: note), Int64(signed.checkpoint.size) == size
                else { throw Problem.notFound("no checkpoint of \(size) entries was published; export anew") }
                earlier = signed
            }
            let prefix = try await AccountsReader(runtime).read(period: query.period, at: earlier)
            let evidence = Evidence(
                runtime: runtime, query: query, prefix: prefix, withSamples: withSamples,
                withholding: try await withholding(request, query, runtime), policy: Array(runtime.policy.utf8),
                bundlesThere: begun.bundles)
            return Response(streaming: "application/x-tar", logger: context.logger) { send in
                try await evidence.write(send)
            }
        }
    }
}

extension Routes {
    /// Which entries are not to be shown: those of other times, those of other jobs. An assurer is shown all.
    private func withholding(
        _ request: Request, _ query: ReportQuery, _ runtime: LogRuntime
    ) async throws -> Withholding {
        let parameters = request.uri.queryParameters
        let job = parameters["job"].map(String.init)
        let onlyPeriod = parameters["only_period"].map { $0 != "0" } ?? false
        guard onlyPeriod || job != nil else { return .nothing }
        guard query.audience != .assurer else {
            throw Problem.badRequest("audience: an assurer is shown every entry; only others can have some withheld")
        }
        var withholding = Withholding(otherTimes: onlyPeriod ? query.period : nil)
        if let job {
            let name = try PercentText.decoded(job, "job")
            withholding.otherJobs = [try await runtime.database.pseudonym(ofJob: name)]
        }
        return withholding
    }
}

extension Routes {
    /// What the asker has of an export that was interrupted: the tree that it was of, and how many whole bundles of 256
    /// entries from the first on.
    fileprivate static func begun(_ request: Request) throws(Problem) -> (size: Int64?, bundles: UInt64) {
        let query = request.uri.queryParameters
        let bundles = query["bundles"].map(String.init) ?? "0"
        guard let bundles = CanonicalDecimal.parse(bundles) else { throw .badRequest("bundles: a number") }
        guard let text = query["size"].map(String.init) else {
            guard bundles == 0 else { throw .badRequest("bundles: only with the size of the tree that they are of") }
            return (nil, 0)
        }
        guard let size = CanonicalDecimal.parse(text).flatMap({ Int64(exactly: $0) }), size > 0 else {
            throw .badRequest("size: a number of entries")
        }
        return (size, bundles)
    }
}

/// Writes one bundle, a file at a time, the same bytes for the same tree. The checkpoint comes first, so that whoever
/// is interrupted knows which tree to ask for again.
private struct Evidence: Sendable {
    let runtime: LogRuntime
    let query: ReportQuery
    let prefix: AccountsReader.Prefix
    let withSamples: Bool
    let withholding: Withholding
    /// As it was when the export began: the file and the disclosure have to agree.
    let policy: [UInt8]
    /// Whole bundles that the asker has: they count for the manifest and are not sent again.
    let bundlesThere: UInt64

    func write(_ send: ([UInt8]) async throws -> Void) async throws {
        let size = prefix.checkpoint.checkpoint.size
        var writer = BundleWriter(
            origin: runtime.organization.origin, period: query.period, audience: query.audience, size: size)
        func sendFile(_ file: BundleFile) async throws {
            guard let member = TarArchive.member(file) else {
                throw StoreError(.invalidData, "\(file.path) does not fit an archive")
            }
            try await send(member)
        }
        try await sendFile(writer.add(.checkpoint, prefix.checkpoint.bytes))
        try await sendFile(writer.add(.policy, policy))
        var start: Int64 = 0
        while start < Int64(clamping: size) {
            let end = min(Int64(clamping: size), start + 256)
            let isThere = UInt64(start / 256) < bundlesThere
            for (offset, note) in try await runtime.database.notes(start..<end).enumerated() {
                for file in try await append(note, at: start + Int64(offset), to: &writer) where !isThere {
                    try await sendFile(file)
                }
            }
            start = end
        }
        for file in writer.complete() { try await sendFile(file) }
        // Whose entries are withheld, theirs are the names as well: as files, and in the disclosure.
        var accounts = prefix.accounts
        if let shown = withholding.otherJobs { accounts.keepRecords(of: shown) }
        // An audience that is shown no names gets the figures of the report that was issued for it, to the byte.
        let stated = query.audience.showsNames ? accounts : prefix.accounts
        for (pseudonym, record) in accounts.records.sorted(by: { $0.key < $1.key }) {
            let sha256 = Hexadecimal.encode(record.sha256)
            try await sendFile(writer.add(.record(pseudonym: pseudonym, sha256: sha256), record.text))
        }
        let factors = FactorFiles(runtime).read(prefix.accounts.settings)
        for (sha256, bytes) in factors.sorted(by: { $0.key < $1.key }) {
            try await sendFile(writer.add(.factor(sha256: sha256), bytes))
        }
        let disclosure = disclosure(of: stated, factors, withheld: writer.withheldEntries)
        try await sendFile(writer.add(.disclosure, disclosure.bytes))
        try await sendFile(try writer.manifest(signedBy: runtime.keys.administration))
        try await send(TarArchive.end)
    }

    private func append(
        _ note: [UInt8], at index: Int64, to writer: inout BundleWriter
    ) async throws -> [BundleFile] {
        if !withholding.isNothing, withholding.withholds(try Entry(text: Array(SignedNote(parsing: note).text))) {
            return try writer.withhold(leaf: .leaf(of: note))
        }
        let isBatch = withSamples && [Entry.Kind.batch, .extract].contains(Entry.Kind(text: note))
        let block = isBatch ? try await runtime.database.samples(at: index) : nil
        return try writer.append(entry: note, samples: block)
    }

    private func disclosure(
        of accounts: LogAccounts, _ factors: [String: [UInt8]], withheld: Int64
    ) -> Disclosure {
        Disclosure(
            DisclosureInput(
                genesis: prefix.genesis, accounts: accounts, checkpoint: prefix.checkpoint.checkpoint,
                policy: policy, period: query.period, audience: query.audience, method: query.method,
                factorFiles: factors, withheldEntries: withheld))
    }
}
