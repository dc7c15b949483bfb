package import Hummingbird
import HummingbirdCore
import Logging

/// Turns every error of the routes behind it into a problem document.
package struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    package init() {}

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let response = Self.problem(error, request, context).response
            // A body behind the head would be taken for the next answer on this connection.
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    private static func problem(_ error: any Error, _ request: Request, _ context: Context) -> Problem {
        if let problem = error as? Problem { return problem }
        if let error = error as? HTTPError { return problem(error, request) }
        // Critical, as the server's own words below that are muted, and the answer sends the operator here.
        context.logger.critical("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
        return .internal
    }

    /// The router's own errors, and those of decoding.
    private static func problem(_ error: HTTPError, _ request: Request) -> Problem {
        switch error.status {
        case .notFound: .notFound("there is nothing at \(request.method.rawValue) \(request.uri.path)")
        case .unauthorized: .unauthorized
        default:
            Problem(
                error.status, error.status.reasonPhrase.lowercased().replacing(" ", with: "_"),
                error.body ?? error.status.reasonPhrase)
        }
    }
}
