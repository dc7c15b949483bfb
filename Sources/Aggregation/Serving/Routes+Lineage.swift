import Batches
import Disclosure
import HTTPEdge
import Hummingbird
import Identity
import JSONText
import Store
import TransparencyLog

/// The assurer's way back: from a figure to the entries behind it, and to a sample that nobody steers.
extension Routes {
    func addLineage(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/lineage") { request, context in
            let runtime = try await organization(request, context)
            return Self.json(try await lineage(request, runtime))
        }
        router.get("/v1/organizations/{org}/sample") { request, context in
            let runtime = try await organization(request, context)
            return Self.json(try await sample(request, runtime))
        }
    }

    private func lineage(_ request: Request, _ runtime: LogRuntime) async throws -> JSONValue {
        let query = try ReportQuery(request)
        let parameters = request.uri.queryParameters
        let node = parameters["node"].map(String.init)
        var job = parameters["job"].map(String.init)
        guard job != nil || node != nil else { throw Problem.badRequest("job or node: what is to be traced") }
        if let name = job {
            guard let decoded = PercentText.decode(name) else { throw Problem.badRequest("job: not UTF-8") }
            job = try await runtime.database.pseudonym(ofJob: decoded)
        }
        let checkpoint = try await runtime.publish()
        let replay = try await LogReading(database: runtime.database, origin: runtime.organization.origin).replay(
            to: checkpoint.checkpoint.size, period: query.period, tracing: LineageTrail.Query(job: job, node: node))
        guard let trail = replay.trail, let genesis = replay.signers?.genesis else {
            throw Problem.notFound("the log is empty")
        }
        var accounts = replay.accounts
        for (pseudonym, record) in try await runtime.database.jobRecords() {
            accounts.add(record: record, of: pseudonym)
        }
        let input = DisclosureInput(
            genesis: genesis, accounts: accounts, checkpoint: checkpoint.checkpoint, policy: [], period: query.period,
            audience: .assurer, factorFiles: FactorFiles(runtime).read(accounts.settings))
        return Lineage(input, trail: trail).json
    }

    private func sample(_ request: Request, _ runtime: LogRuntime) async throws -> JSONValue {
        let query = try ReportQuery(request)
        let parameters = request.uri.queryParameters
        guard let seed = parameters["seed"].map(String.init).flatMap(PercentText.decode), !seed.isEmpty,
            seed.utf8.count <= 256, !seed.contains("\n")
        else { throw Problem.badRequest("seed: 1 to 256 bytes of one line, from the assurer") }
        let count = parameters["count"].map(String.init) ?? "25"
        guard let count = Int(count), (1...SampleSelection.maximumCount).contains(count) else {
            throw Problem.badRequest("count: 1 to \(SampleSelection.maximumCount)")
        }
        let size = try await runtime.publish().checkpoint.size
        var selection = SampleSelection(seed: seed, count: count, period: query.period)
        var index: UInt64 = 0
        let reading = LogReading(database: runtime.database, origin: runtime.organization.origin)
        try await reading.forEachNote(in: 0..<size) { note in
            try selection.append(note, at: index)
            index += 1
        }
        return selection.json
    }
}
