import AsyncHTTPClient
import Batches
import Emissions
import Identity
import NIOCore
import NIOHTTP1

/// Carries the requests of a `FactorFetch` to a provider over HTTP, and shows the secret where the request says.
struct ProviderExchange {
    static let timeoutSeconds: Int64 = 60
    /// A month of five-minute values is under 2 MiB, a month of ENTSO-E's XML under 10.
    static let maximumAnswerBytes = 32 << 20

    private let client: HTTPClient
    private let base: String
    private let secret: String?

    /// - Parameter base: the provider's address, or that of a proxy before it.
    init(_ client: HTTPClient, base: String, secret: String?) throws(CommandFailure) {
        guard Self.isSafe(base) else {
            throw .usage("'\(base)' is no address of a provider", "write https://HOST, or http:// for this host alone")
        }
        self.client = client
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.secret = secret
    }

    /// A secret goes over TLS, or not out of the host.
    private static func isSafe(_ base: String) -> Bool {
        if base.hasPrefix("https://") { return base.utf8.count > 8 }
        guard base.hasPrefix("http://") else { return false }
        let authority = base.dropFirst(7).prefix { $0 != "/" }
        guard let address = NetworkAddress(String(authority)) else { return false }
        return ["127.0.0.1", "::1", "localhost"].contains(address.host)
    }

    /// No redirects: the secret is for one provider.
    static func client() -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10), read: .seconds(timeoutSeconds)))
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func send(_ request: ProviderRequest) async throws -> FactorFetch.Answer {
        var query = request.query.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }
        if case .query(let name) = request.proof { query.append("\(name)=\(PercentEncoding.encode(secret ?? ""))") }
        let target = query.isEmpty ? request.path : "\(request.path)?\(query.joined(separator: "&"))"
        var message = HTTPClientRequest(url: base + target)
        message.headers.add(name: "accept", value: "application/json, application/xml")
        switch request.proof {
        case .header(let name): message.headers.add(name: name, value: secret ?? "")
        case .basic:
            let parts = (secret ?? "").split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            message.setBasicAuth(username: String(parts[0]), password: parts.count > 1 ? String(parts[1]) : "")
        case .bearer(let token): message.headers.add(name: "authorization", value: "Bearer \(token)")
        case .none, .query: break
        }
        let response = try await client.execute(message, timeout: .seconds(Self.timeoutSeconds))
        let body = try await response.body.collect(upTo: Self.maximumAnswerBytes)
        return FactorFetch.Answer(
            status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"),
            body: Array(body.readableBytesView))
    }
}
