import Disclosure
import HTTPEdge
import Hummingbird
import JSONText

/// Runs: many jobs that belong together.
extension Routes {
    func addRuns(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/runs") { request, context in
            let runtime = try await organization(request, context)
            let page = try Page(request)
            let runs = try await runs(runtime)
            let rest = runs.drop { run in page.after.map { run.name <= $0 } ?? false }
            let items = rest.prefix(page.limit)
            let next = rest.count > items.count ? items.last.map { JSONValue.string($0.name) } : nil
            return Self.json(["items": .array(items.map { $0.json(withJobs: false) }), "next": next ?? .null])
        }
        router.get("/v1/organizations/{org}/runs/{name}") { request, context in
            let runtime = try await organization(request, context)
            let name = try Self.pathPart("name", context)
            guard let run = try await runs(runtime).first(where: { $0.name == name }) else {
                throw Problem.notFound("there is no run '\(name)'; list them with 'wattest run list'")
            }
            return Self.json(run.json(withJobs: true))
        }
    }

    private func runs(_ runtime: LogRuntime) async throws -> [RunSummary] {
        RunSummary.all(of: JobSummary.all(in: try await AccountsReader(runtime).read().accounts))
    }
}
