import Batches
import Disclosure
import Energy
package import HTTPEdge
import HTTPTypes
package import Hummingbird
import JSONText
import Logging
import MetricsEndpoint
import Store
import TransparencyLog

/// The HTTPS interface: /v1 for people and nodes, /log for anybody who checks, health and metrics.
package struct Routes: Sendable {
    let aggregator: Aggregator

    package init(_ aggregator: Aggregator) { self.aggregator = aggregator }

    package func router() -> Router<EdgeContext> {
        let router = HTTPSServer.makeRouter()
        router.add(middleware: OperatingFaults())
        addHealth(to: router)
        addLog(to: router)
        addOrganizations(to: router)
        addSettings(to: router)
        addReports(to: router)
        addRuns(to: router)
        return router
    }

    // MARK: Health

    private func addHealth(to router: Router<EdgeContext>) {
        router.get("/healthz") { _, _ in Response(type: "text/plain", bytes: Array("ok\n".utf8)) }
        router.get("/readyz") { _, _ in
            if let reason = aggregator.unreadyReason { throw Problem.unavailable(reason) }
            return Response(type: "text/plain", bytes: Array(aggregator.readiness.utf8))
        }
        router.get("/metrics") { _, _ in
            Response(type: MetricsPage.contentType, bytes: ServiceMetrics.page(aggregator).text)
        }
    }

    // MARK: Access

    /// What the bearer of a request may see.
    struct Access: Sendable {
        /// Number of the log that the token is of.
        var log: Int32
        var isOperator: Bool
        /// Name of the token, which stands in the log beside what its bearer says.
        var name: String
    }

    /// The organization that the token is of. An unknown token and none give the same answer.
    func access(_ request: Request) async throws -> Access {
        guard let token = try BearerToken(request.headers) else { throw Problem.unauthorized }
        let hash = Token.sha256(token.secret)
        let found = try await aggregator.pool.run { connection throws(StoreError) in try connection.token(sha256: hash)
        }
        guard let found, found.kind != Token.Kind.join.rawValue,
            found.expires.map({ $0.microseconds > aggregator.clock.now().microseconds }) ?? true
        else { throw Problem.unauthorized }
        return Access(log: found.log, isOperator: found.kind == Token.Kind.operator.rawValue, name: found.name)
    }

    /// The organization of the path, if the token is its own. Another organization's answers like one that is not
    /// there.
    func organization(_ request: Request, _ context: EdgeContext) async throws -> LogRuntime {
        let access = try await access(request)
        let name = try Self.pathPart("org", context)
        func isShown(_ organization: Organization) -> Bool { access.isOperator || organization.log == access.log }
        if let runtime = aggregator.organization(named: name), isShown(runtime.organization) { return runtime }
        if let fault = aggregator.fault(named: name), isShown(fault.organization) { throw Problem(fault) }
        throw Problem.notFound("there is no organization '\(name)' for this token")
    }

    static func pathPart(_ name: String, _ context: EdgeContext) throws(Problem) -> String {
        guard let raw = context.parameters.get(name) else { throw .badRequest("\(name) is missing in the path") }
        guard let text = PercentText.decode(raw) else { throw .badRequest("\(name) is not percent-encoded UTF-8") }
        return text
    }

    /// A text that goes into an entry, whose grammar has bounds: beyond them the log would refuse what it was told.
    static func text(_ name: String, of body: JSONValue, upTo bytes: Int) throws(Problem) -> String? {
        guard let value = body[name], !value.isNull else { return nil }
        // A number or a list taken for none would be answered as if nothing was asked.
        guard let text = value.string else { throw .badRequest("\(name): a text") }
        guard (1...bytes).contains(text.utf8.count) else { throw .badRequest("\(name): 1 to \(bytes) bytes") }
        return text
    }

    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, type: "application/json", bytes: value.rendered(.compact) + [UInt8(ascii: "\n")])
    }

    static func body(_ request: Request, max bytes: Int = 1 << 20) async throws -> JSONValue {
        let body = try await request.bytes(max: bytes)
        do {
            return try JSONValue(parsing: body, limits: JSONValue.Limits(bytes: bytes, depth: 32))
        } catch {
            throw Problem.badRequest("the body is not JSON: \(error)")
        }
    }
}

extension Problem {
    init(_ fault: LogFault) {
        self = .unavailable("the log of \(fault.organization.slug) is not served: \(fault.reason)")
    }
}

/// A key that cannot sign, a log that may not be signed and a database that does not answer are faults which the
/// operator mends, and nothing that the request did wrong.
private struct OperatingFaults: RouterMiddleware {
    func handle(
        _ request: Request, context: EdgeContext, next: (Request, EdgeContext) async throws -> Response
    ) async throws -> Response {
        func unavailable(_ what: String, _ error: any Error, _ detail: String) -> Problem {
            context.logger.critical("\(what)", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            return .unavailable(detail)
        }
        do {
            return try await next(request, context)
        } catch let error as TransparencyLogError where error.code == .badKey {
            throw unavailable("a key does not sign", error, error.reason)
        } catch let error as PublishingError {
            throw unavailable("nothing is signed", error, "\(error)")
        } catch let error as ReplayFailure {
            throw unavailable("the log does not hold", error, "the log in the database does not hold: \(error)")
        } catch let error as StoreError where error.kind == .unexpectedAnswer {
            throw unavailable("the log cannot be read", error, "the log cannot be read: \(error.message)")
        } catch let error as StoreError where error.isOfTheDatabase {
            throw unavailable("no database", error, "the database does not answer; ask again")
        }
    }
}

/// Decoding of a path part or query value (RFC 3986 section 2.1). Any spelling is taken, unlike in signed texts.
enum PercentText {
    static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            rest.removeFirst(2)
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
