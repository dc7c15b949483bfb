import Accounts
import Disclosure
import HTTPEdge
import HTTPTypes
import Hummingbird
import JSONText
import TransparencyLog

/// Where the figures of a disclosure come from, and a sample of them for whoever checks.
extension Routes {
    func addLineage(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/lineage") { request, context in
            let runtime = try await organization(request, context)
            let query = try ReportQuery(request)
            let page = try Page(request)
            let input = try await input(query, runtime).input
            let lineage = Lineage(input)
            guard let figure = request.uri.queryParameters["figure"].map(String.init) else {
                return Self.json(lineage.figures(limit: page.limit, after: page.after))
            }
            guard let first = Int(page.after ?? "0"), first >= 0 else {
                throw Problem.badRequest("after: the number that the page before named as next")
            }
            let terms = try Self.terms(of: figure, from: first, limit: page.limit, lineage)
            let batches = try await trace(Array(terms.terms), to: input.checkpoint.size, runtime)
            return Self.json(lineage.json(terms, batches))
        }
        router.get("/v1/organizations/{org}/sample") { request, context in
            let runtime = try await organization(request, context)
            let query = try ReportQuery(request)
            let parameters = request.uri.queryParameters
            guard let seed = parameters["seed"].map(String.init), (1...256).contains(seed.utf8.count) else {
                throw Problem.badRequest("seed: 1 to 256 bytes, chosen by whoever draws")
            }
            guard let count = Int(parameters["n"].map(String.init) ?? "25"), (1...1000).contains(count) else {
                throw Problem.badRequest("n: 1 to 1,000 draws")
            }
            let figure = parameters["figure"].map(String.init) ?? "energy.it_uj"
            let input = try await input(query, runtime).input
            let lineage = Lineage(input)
            let page = try Self.terms(of: figure, from: 0, limit: .max, lineage)
            let draw = SampleDraw(seed: seed, count: count, checkpoint: input.checkpoint)
            let hits = lineage.sample(draw, of: page)
            let batches = try await trace(hits.map(\.term), to: input.checkpoint.size, runtime)
            return Self.json(lineage.json(draw, hits, of: page, batches))
        }
    }

    private static func terms(
        of figure: String, from first: Int, limit: Int, _ lineage: Lineage
    ) throws(Problem) -> Lineage.Page {
        guard let page = lineage.page(of: figure, from: first, limit: limit) else {
            throw .notFound("no figure '\(figure)' has energy in this period; list them with 'wattest report lineage'")
        }
        return page
    }

    /// Reads the log once for the batches of some terms.
    private func trace(
        _ terms: [FigureTrace.Term], to size: UInt64, _ runtime: LogRuntime
    ) async throws -> BatchTrace {
        var trace = BatchTrace(terms)
        let (end, portion) = (Int64(clamping: size), Int64(1024))
        for start in stride(from: 0, to: terms.isEmpty ? 0 : end, by: Int(portion)) {
            for note in try await runtime.database.notes(start..<min(end, start + portion)) { try trace.append(note) }
        }
        return trace
    }
}
