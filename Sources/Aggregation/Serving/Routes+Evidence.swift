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
            let (disclosure, prefix) = try await report(query, runtime)
            let evidence = Evidence(
                runtime: runtime, query: query, disclosure: disclosure, prefix: prefix, withSamples: withSamples)
            return Response(streaming: "application/x-tar") { send in try await evidence.write(send) }
        }
    }
}

/// Writes one bundle, a file at a time.
private struct Evidence: Sendable {
    let runtime: LogRuntime
    let query: ReportQuery
    let disclosure: Disclosure
    let prefix: AccountsReader.Prefix
    let withSamples: Bool

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
        var start: Int64 = 0
        while start < Int64(clamping: size) {
            let end = min(Int64(clamping: size), start + 256)
            for (offset, note) in try await runtime.database.notes(start..<end).enumerated() {
                let index = start + Int64(offset)
                let isBatch = withSamples && note.starts(with: Entry.Kind.batch.version.utf8)
                let block = isBatch ? try await runtime.database.samples(at: index) : nil
                for file in try writer.append(entry: note, samples: block) { try await sendFile(file) }
            }
            start = end
        }
        try await sendFile(writer.add(.checkpoint, prefix.checkpoint.bytes))
        try await sendFile(writer.add(.policy, Array(runtime.policy.utf8)))
        for (pseudonym, record) in prefix.accounts.records.sorted(by: { $0.key < $1.key }) {
            let sha256 = Hexadecimal.encode(record.sha256)
            try await sendFile(writer.add(.record(pseudonym: pseudonym, sha256: sha256), record.text))
        }
        try await sendFile(writer.add(.disclosure, disclosure.bytes))
        try await sendFile(try writer.manifest(signedBy: runtime.keys.administration))
        try await send(TarArchive.end)
    }
}
