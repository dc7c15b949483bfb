package import Identity
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Why a device on the management network is believed.
package enum DeviceTrust: Sendable, Hashable {
    /// The certificate that the device shows has this SHA-256 of its DER. Names and dates do not matter: BMCs make
    /// their own certificates, for names that nobody uses.
    case pinned(sha256: [UInt8])
    /// The device's certificate chains to this authority and names the host.
    case authority(IdentityCertificate)
    /// Plain HTTP. For meters that speak nothing else, on a network of their own.
    case nobody
}

/// A kept connection to a BMC or meter: one request at a time, each with its time-out.
///
/// `send` blocks its thread, which is the source's own. An idle connection that the device has closed is opened again
/// once; redirects are not followed.
package final class DeviceHTTP: Sendable {
    package struct Request: Sendable {
        package var method: String
        package var path: String
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]

        package init(
            _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
        ) {
            self.method = method
            self.path = path
            self.headers = headers
            self.body = body
        }
    }

    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]
        let headers: HTTPHeaders

        package func header(_ name: String) -> String? { headers.first(name: name) }
    }

    private let server: NetworkAddress
    private let trust: DeviceTrust
    private let timeout: TimeAmount
    private let now: @Sendable () -> Int64
    private let group: any EventLoopGroup
    private let kept = Mutex<(any Channel)?>(nil)

    /// - Parameter now: Unix time in seconds, by which a certificate of an authority is judged.
    package init(
        server: NetworkAddress, trust: DeviceTrust, timeoutMilliseconds: Int64,
        now: @escaping @Sendable () -> Int64, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.server = server
        self.trust = trust
        self.timeout = .milliseconds(timeoutMilliseconds)
        self.now = now
        self.group = group
    }

    deinit { kept.withLock { $0 }?.close(promise: nil) }

    /// Sends one request and waits for the whole reply. Never to be called on an event loop.
    package func send(_ request: Request) throws(PinnedHTTPSError) -> Reply {
        while true {
            let verdict = Verdict()
            let channel = kept.withLock { $0 }.flatMap { $0.isActive ? $0 : nil }
            do {
                let open = try channel ?? connect(verdict)
                let reply = try exchange(request, on: open)
                let isKept = reply.head.isKeepAlive && open.isActive
                kept.withLock { $0 = isKept ? open : nil }
                if !isKept { open.close(promise: nil) }
                return Reply(
                    status: Int(reply.head.status.code), body: reply.body.map { Array($0.readableBytesView) } ?? [],
                    headers: reply.head.headers)
            } catch {
                kept.withLock { $0 = nil }
                channel?.close(promise: nil)
                // The device closed the idle connection: nothing was answered, so asking again is safe.
                if channel != nil, !(error is PinnedHTTPSError) { continue }
                throw explain(error, verdict)
            }
        }
    }

    /// Sends one request whose answer nobody waits for, on an open connection only.
    package func post(_ request: Request) {
        guard let channel = kept.withLock({ $0 }), channel.isActive else { return }
        let reply = channel.eventLoop.makePromise(of: NIOHTTPClientResponseFull.self)
        channel.writeAndFlush(order(request, reply), promise: nil)
        reply.futureResult.whenComplete { _ in channel.close(promise: nil) }
    }

    private func order(_ request: Request, _ reply: EventLoopPromise<NIOHTTPClientResponseFull>) -> DeviceOrder {
        var headers = HTTPHeaders([
            ("host", server.description), ("accept", "application/json, text/csv, text/plain;q=0.5"),
        ])
        for (name, value) in request.headers { headers.replaceOrAdd(name: name, value: value) }
        if !request.body.isEmpty || request.method == "POST" {
            headers.add(name: "content-length", value: "\(request.body.count)")
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.path, headers: headers)
        return DeviceOrder(head: head, body: request.body, reply: reply, timeout: timeout)
    }

    private func exchange(_ request: Request, on channel: any Channel) throws -> NIOHTTPClientResponseFull {
        let reply = channel.eventLoop.makePromise(of: NIOHTTPClientResponseFull.self)
        let order = order(request, reply)
        channel.writeAndFlush(order).whenFailure { reply.fail($0) }
        return try reply.futureResult.wait()
    }

    private func connect(_ verdict: Verdict) throws -> any Channel {
        let context = trust == .nobody ? nil : try Self.makeContext()
        let (server, trust, now) = (server, trust, now)
        return try ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        let name = IPAddress.bytes(server.host) == nil ? server.host : nil
                        try pipeline.addHandler(
                            NIOSSLClientHandler(
                                context: context, serverHostname: name,
                                customVerificationCallback: { chain, promise in
                                    verdict.judge(chain, server, trust, now(), promise)
                                }))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(
                        NIOHTTPClientResponseAggregator(maxContentLength: PinnedHTTPS.replyBytesMax))
                    try pipeline.addHandler(DeviceHandler(verdict))
                }
            }
            .connect(host: server.host, port: server.port).wait()
    }

    private static func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Few BMCs in service speak 1.3.
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.trustRoots = .certificates([])
        // The callback judges, the name too where an authority vouches for one; a pinned BMC has any name it likes.
        configuration.certificateVerification = .noHostnameVerification
        return try NIOSSLContext(configuration: configuration)
    }

    private func explain(_ error: any Error, _ verdict: Verdict) -> PinnedHTTPSError {
        if let problem = verdict.problem { return PinnedHTTPSError(.untrustedServer, "\(server): \(problem)") }
        if let error = error as? PinnedHTTPSError { return error.at(server) }
        if error is NIOHTTPObjectAggregatorError || error is HTTPParserError {
            return PinnedHTTPSError(.badReply, "\(server): the reply is too large or not HTTP: \(error)")
        }
        return PinnedHTTPSError(.unreachable, "\(server): no connection: \(verdict.end ?? error)")
    }
}

/// What the certificate of a device was found to be.
private final class Verdict: Sendable {
    private let found = Mutex<String?>(nil)
    private let early = Mutex<(any Error)?>(nil)

    var problem: String? { found.withLock { $0 } }
    /// What ended the connection before anything was asked.
    var end: (any Error)? { early.withLock { $0 } }

    func end(_ error: any Error) { early.withLock { $0 = $0 ?? error } }

    func judge(
        _ presented: [NIOSSLCertificate], _ server: NetworkAddress, _ trust: DeviceTrust, _ now: Int64,
        _ promise: EventLoopPromise<NIOSSLVerificationResult>
    ) {
        let chain = presented.compactMap { try? $0.toDERBytes() }
        guard case .authority(let authority) = trust else {
            // A pin is compared at once: callers may hold every thread of the pool that tasks run on.
            return promise.succeed(settle(Self.problem(chain, trust)))
        }
        promise.completeWithTask {
            let judgement = await CertificateTrust(authority: authority)
                .judge(chain: chain, use: .server(host: server.host), now: now)
            if case .trusted = judgement { return self.settle(nil) }
            return self.settle(
                "its certificate is not trusted: \(judgement): renew it, or name the authority that issued it")
        }
    }

    private func settle(_ problem: String?) -> NIOSSLVerificationResult {
        found.withLock { $0 = problem }
        return problem == nil ? .certificateVerified : .failed
    }

    private static func problem(_ chain: [[UInt8]], _ trust: DeviceTrust) -> String? {
        guard case .pinned(let sha256) = trust else { return nil }
        let seen = chain.first.flatMap { try? IdentityCertificate(der: $0) }?.sha256
        guard seen != sha256 else { return nil }
        return "its certificate is not the pinned one: it has SHA-256 \(seen.map(hex) ?? "of nothing readable"); "
            + "somebody else answers, or the certificate was renewed: compare with the device's own page"
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// One request with the promise of its reply.
private struct DeviceOrder: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    let reply: EventLoopPromise<NIOHTTPClientResponseFull>
    let timeout: TimeAmount
}

/// Answers orders in turn; whatever ends the connection ends the order that waits.
private final class DeviceHandler: ChannelDuplexHandler {
    typealias InboundIn = NIOHTTPClientResponseFull
    typealias OutboundIn = DeviceOrder
    typealias OutboundOut = HTTPClientRequestPart

    private let verdict: Verdict
    private var order: DeviceOrder?
    private var deadline: Scheduled<Void>?

    init(_ verdict: Verdict) { self.verdict = verdict }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let order = unwrapOutboundIn(data)
        guard self.order == nil else {
            order.reply.fail(ChannelError.operationUnsupported)
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        self.order = order
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: order.timeout) {
            self.fail(PinnedHTTPSError(.timeout, "no reply in time"), context)
        }
        context.write(wrapOutboundOut(.head(order.head)), promise: nil)
        if !order.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: order.body)))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        deadline?.cancel()
        let order = order
        self.order = nil
        order?.reply.succeed(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof, context)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let order = order
        self.order = nil
        // What ended the connection before the first request is why that fails.
        if order == nil { verdict.end(error) }
        order?.reply.fail(error)
        context.close(promise: nil)
    }
}
