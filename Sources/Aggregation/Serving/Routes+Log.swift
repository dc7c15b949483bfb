import HTTPEdge
import HTTPTypes
import Hummingbird
import Store
import TransparencyLog

/// The log as C2SP tlog-tiles: checkpoint and hash tiles for everybody, entry bundles for the organization's token.
extension Routes {
    func addLog(to router: Router<EdgeContext>) {
        router.get("/log/{org}/checkpoint") { request, context in
            let runtime = try log(context)
            guard let checkpoint = runtime.feed.latest else { throw Problem.unavailable("nothing is published yet") }
            return Response(
                type: "text/plain; charset=utf-8", bytes: checkpoint.bytes, headers: [.cacheControl: "max-age=1"])
        }
        router.get("/log/{org}/tile/**") { request, context in
            let runtime = try log(context)
            let path = "tile/" + context.parameters.getCatchAll().joined(separator: "/")
            guard let resource = try? LogResource(parsing: path) else {
                throw Problem.notFound("no such tile: \(path)")
            }
            switch resource {
            case .checkpoint: throw Problem.notFound("no such tile: \(path)")
            case .tile(let tile): return try self.tile(tile, runtime)
            case .entries(let bundle):
                let access = try await access(request)
                guard access.isOperator || access.log == runtime.organization.log else {
                    throw Problem.notFound("no such log")
                }
                return try await entries(bundle, runtime)
            }
        }
    }

    private func log(_ context: EdgeContext) throws -> LogRuntime {
        let slug = try Self.pathPart("org", context)
        if let runtime = aggregator.organization(slug: slug) { return runtime }
        // Without the reason: whoever asks needs no token.
        guard aggregator.fault(named: slug) == nil else {
            throw Problem.unavailable("the log of \(slug) is damaged and not served")
        }
        throw Problem.notFound("no such log")
    }

    private func tile(_ tile: Tile, _ runtime: LogRuntime) throws -> Response {
        let published = runtime.feed.latest?.checkpoint.size ?? 0
        // A tile lies on disk before the checkpoint that covers it is signed.
        guard let widest = Tile(level: tile.level, index: tile.index, inTreeOf: published), tile.width <= widest.width,
            let bytes = try? TileFiles(directory: runtime.directory).read(tile)
        else { throw Problem.notFound("the tile \(tile.path) is not published") }
        return Response(type: "application/octet-stream", bytes: bytes, headers: Self.immutable)
    }

    private func entries(_ bundle: EntryBundle, _ runtime: LogRuntime) async throws -> Response {
        let published = runtime.feed.latest?.checkpoint.size ?? 0
        let end = bundle.firstEntry + UInt64(bundle.width)
        guard end <= published else { throw Problem.notFound("the bundle \(bundle.path) is not published") }
        let bytes = try EntryBundle.encode(
            try await runtime.database.notes(Int64(bundle.firstEntry)..<Int64(end)))
        return Response(type: "application/octet-stream", bytes: bytes, headers: Self.immutable)
    }

    private static let immutable: HTTPFields = [.cacheControl: "max-age=31536000, immutable"]
}
