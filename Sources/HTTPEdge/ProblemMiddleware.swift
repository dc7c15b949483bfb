package import Hummingbird
import Logging

/// Turns every error of the routes behind it into a problem document.
package struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    package init() {}

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response
        } catch let error as HTTPError {
            return Self.problem(error, request).response
        } catch {
            // Critical, as the server's own words below that are muted, and the answer sends the operator here.
            context.logger.critical("request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            return Problem.internal.response
        }
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
