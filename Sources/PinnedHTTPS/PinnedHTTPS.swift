// PinnedHTTPS: the one HTTPS request that a node makes.
//
// A node that enrols knows the authority of its aggregator by a hash alone; it has no certificate and no list of
// authorities. This is the smallest client for that: one connection, one request, one bounded reply. It does not follow
// redirects, keep connections, or decompress.

package import Identity
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Why the server on the other end is believed.
package enum ServerTrust: Sendable, Hashable {
    /// One certificate of the presented chain has this SHA-256 of its DER, and the server's certificate chains to it.
    case pinned(sha256: [UInt8])
    /// The server's certificate chains to this authority.
    case authority(IdentityCertificate)
}

/// What the server answered.
package struct HTTPSReply: Sendable, Hashable {
    package let status: Int
    package let contentType: String?
    package let body: [UInt8]
    /// The authority that the server's certificate was found to chain to.
    package let authority: IdentityCertificate
}

/// Makes single requests over TLS 1.3.
package struct PinnedHTTPS: Sendable {
    /// The largest reply that is read.
    package static let replyBytesMax = 1 << 20

    private let server: NetworkAddress
    private let trust: ServerTrust
    private let now: @Sendable () -> Int64
    private let timeoutSeconds: Int64
    private let eventLoopGroup: any EventLoopGroup

    /// - Parameters:
    ///   - now: Unix time in seconds, by which the server's certificate is judged.
    ///   - timeoutSeconds: from the first packet to the last byte of the reply.
    package init(
        server: NetworkAddress, trust: ServerTrust, now: @escaping @Sendable () -> Int64, timeoutSeconds: Int64 = 30,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.server = server
        self.trust = trust
        self.now = now
        self.timeoutSeconds = timeoutSeconds
        self.eventLoopGroup = eventLoopGroup
    }

    /// - Parameters:
    ///   - path: begins with a slash; already percent-encoded.
    ///   - json: the body, sent as `application/json`.
    ///   - token: sent as a bearer token, to a server that is believed only.
    package func post(
        _ path: String, json: [UInt8], token: String? = nil
    ) async throws(PinnedHTTPSError) -> HTTPSReply {
        try await self.exchange(.POST, path, json, token)
    }

    package func get(_ path: String, token: String? = nil) async throws(PinnedHTTPSError) -> HTTPSReply {
        try await self.exchange(.GET, path, [], token)
    }

    private func exchange(
        _ method: HTTPMethod, _ path: String, _ body: [UInt8], _ token: String?
    ) async throws(PinnedHTTPSError) -> HTTPSReply {
        var headers = HTTPHeaders([("host", self.server.description), ("connection", "close")])
        if method == .POST {
            headers.add(name: "content-type", value: "application/json")
            headers.add(name: "content-length", value: "\(body.count)")
        }
        if let token { headers.add(name: "authorization", value: "Bearer \(token)") }
        headers.add(name: "accept", value: "application/json, application/problem+json")
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
        let judgement = ServerJudgement(server: self.server, trust: self.trust, now: self.now)
        do {
            let response = try await self.perform(head, body, judgement)
            return HTTPSReply(
                status: Int(response.head.status.code), contentType: response.head.headers.first(name: "content-type"),
                body: response.body.map { Array($0.readableBytesView) } ?? [],
                authority: try judgement.result())
        } catch {
            throw judgement.explain(error)
        }
    }

    private func perform(
        _ head: HTTPRequestHead, _ body: [UInt8], _ judgement: ServerJudgement
    ) async throws -> NIOHTTPClientResponseFull {
        let context = try Self.makeContext()
        let timeout = TimeAmount.seconds(self.timeoutSeconds)
        let server = self.server
        let reply = self.eventLoopGroup.next().makePromise(of: NIOHTTPClientResponseFull.self)
        let bootstrap = ClientBootstrap(group: reply.futureResult.eventLoop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let name = IPAddress.bytes(server.host) == nil ? server.host : nil
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOSSLClientHandler(
                            context: context, serverHostname: name,
                            customVerificationCallback: { judgement.judge($0, $1) }))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(NIOHTTPClientResponseAggregator(maxContentLength: Self.replyBytesMax))
                    try pipeline.addHandler(ExchangeHandler(head: head, body: body, reply: reply, timeout: timeout))
                }
            }
        do {
            let channel = try await bootstrap.connect(host: server.host, port: server.port).get()
            return try await withTaskCancellationHandler {
                try await reply.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            // Fails it where no handler ever came to own it; changes nothing where one did.
            reply.fail(error)
            throw error
        }
    }

    private static func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        // Trust is the judgement's alone: not the machine's list of authorities.
        configuration.trustRoots = .certificates([])
        return try NIOSSLContext(configuration: configuration)
    }
}
