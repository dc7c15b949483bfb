import Identity
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// One HTTPS request, its reply handed on piece by piece, so that an answer of any size passes through without being
/// held.
///
/// The server is believed when its certificate chains to the given authority and names the host; the machine's own list
/// of authorities counts for nothing. TLS 1.3, one connection for each request, no redirects, no decompression.
struct HTTPSExchange: Sendable {
    struct Request: Sendable {
        var method: HTTPMethod
        /// Path and query, percent-encoded, from the first slash.
        var target: String
        var token: String
        var body: [UInt8]?
    }

    static let connectSeconds: Int64 = 10
    /// The longest silence of a server that works on an answer.
    static let silenceSecondsMax: Int64 = 300

    let address: NetworkAddress
    private let context: NIOSSLContext
    private let caFile: String

    init(address: NetworkAddress, authorityPEM: [UInt8], caFile: String) throws(CommandFailure) {
        self.address = address
        self.caFile = caFile
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv13
            configuration.applicationProtocols = ["http/1.1"]
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorityPEM))
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw CommandFailure(.usage, "FILE", "no certificate can be read, \(caFile), name the aggregator's ca.pem")
        }
    }

    /// - Parameter take: gets each piece of the reply's body with the reply's head; the next piece is read when it
    ///   returns.
    func send(
        _ request: Request, take: (HTTPResponseHead, ByteBuffer) async throws -> Void
    ) async throws -> HTTPResponseHead {
        let channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
        do {
            channel = try await connect()
        } catch {
            throw explain(error)
        }
        return try await channel.executeThenClose { replies, requests in
            do {
                try await write(request, to: requests)
            } catch {
                // The reading side has the reason.
            }
            return try await read(replies, take)
        }
    }

    private func connect() async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        let isName = IPAddress.bytes(address.host) == nil
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(Self.connectSeconds))
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: isName ? address.host : nil))
                    try pipeline.addHandler(IdleStateHandler(readTimeout: .seconds(Self.silenceSecondsMax)))
                    try pipeline.addHandler(SilenceHandler())
                    try pipeline.addHTTPClientHandlers()
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    private func write(
        _ request: Request, to requests: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws {
        var headers = HTTPHeaders([
            ("host", address.description), ("connection", "close"), ("authorization", "Bearer \(request.token)"),
        ])
        if let body = request.body {
            headers.add(name: "content-type", value: "application/json")
            headers.add(name: "content-length", value: "\(body.count)")
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: request.method, uri: request.target, headers: headers)
        // Held back by the TLS handler until the server is believed: the token goes to no other.
        try await requests.write(.head(head))
        if let body = request.body { try await requests.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
        try await requests.write(.end(nil))
    }

    private func read(
        _ replies: NIOAsyncChannelInboundStream<HTTPClientResponsePart>,
        _ take: (HTTPResponseHead, ByteBuffer) async throws -> Void
    ) async throws -> HTTPResponseHead {
        var head: HTTPResponseHead?
        var iterator = replies.makeAsyncIterator()
        while let part = try await next(&iterator) {
            switch part {
            case .head(let received): head = received
            case .body(let piece):
                guard let head else { break }
                try await take(head, piece)
            case .end:
                guard let head else { break }
                return head
            }
        }
        throw CommandFailure(
            .unavailable, "CONNECTION_LOST", "the connection ended before the answer did, \(address), try again")
    }

    /// Only what the connection throws is explained here, not what the taker of a piece throws.
    private func next(
        _ iterator: inout NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    ) async throws(CommandFailure) -> HTTPClientResponsePart? {
        do {
            return try await iterator.next()
        } catch {
            throw explain(error)
        }
    }

    private func explain(_ error: any Error) -> CommandFailure {
        switch error {
        case let failure as CommandFailure: failure
        case NIOSSLError.handshakeFailed, is NIOSSLExtraError:
            CommandFailure(
                .unavailable, "UNTRUSTED_SERVER",
                "the server's certificate is not trusted by \(caFile) for this address (\(error)), \(address), "
                    + "check --server and name the aggregator's ca.pem with --ca-file")
        case is SilenceHandler.Silence:
            CommandFailure(
                .unavailable, "TIMEOUT", "no byte came for \(Self.silenceSecondsMax) s, \(address), look at the server")
        // The parser's word for an end in the middle of an answer.
        case NIOSSLError.uncleanShutdown, ChannelError.inputClosed, ChannelError.eof,
            HTTPParserError.invalidEOFState:
            CommandFailure(
                .unavailable, "CONNECTION_LOST",
                "the connection ended before the answer did, \(address), try again; the server's log may say why"
            )
        case is HTTPParserError:
            CommandFailure(.unavailable, "BAD_REPLY", "the answer is not HTTP, \(address), check the port")
        default:
            CommandFailure(
                .unavailable, "UNREACHABLE",
                "there is no connection (\(Self.systemReason(error))), \(address), check the address and that the "
                    + "aggregator runs")
        }
    }

    /// The system's words for why a connection cannot be made; of several addresses those of the last.
    private static func systemReason(_ error: any Error) -> String {
        let last = (error as? NIOConnectionError)?.connectionErrors.last?.error ?? error
        if let failure = last as? IOError { return String(cString: strerror(failure.errnoCode)) }
        return "\(last)"
    }
}

/// Turns silence of the other side into an error.
private final class SilenceHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    struct Silence: Error {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
        context.fireErrorCaught(Silence())
        context.close(promise: nil)
    }
}
