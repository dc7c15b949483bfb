import NIOCore
import NIOHTTP1
import Synchronization

/// What each path answers.
struct MetricsContent: Sendable {
    let metrics: @Sendable () -> MetricsPage
    let readiness: @Sendable () -> Readiness

    func reply(_ method: HTTPMethod, _ uri: String) -> MetricsReply {
        guard method == .GET || method == .HEAD else {
            return MetricsReply(status: .methodNotAllowed, text: "only GET\n", allow: "GET, HEAD")
        }
        // A scraper may add a query; it changes nothing.
        switch uri.prefix(while: { $0 != "?" }) {
        case "/metrics":
            return MetricsReply(status: .ok, type: MetricsPage.contentType, body: self.metrics().text)
        case "/healthz":
            return MetricsReply(status: .ok, text: "ok\n")
        case "/readyz":
            switch self.readiness() {
            case .ready: return MetricsReply(status: .ok, text: "ready\n")
            case .notReady(let reason): return MetricsReply(status: .serviceUnavailable, text: reason + "\n")
            }
        default:
            return MetricsReply(status: .notFound, text: "try /metrics, /healthz or /readyz\n")
        }
    }
}

struct MetricsReply {
    let status: HTTPResponseStatus
    let type: String
    let body: [UInt8]
    var allow: String?

    init(status: HTTPResponseStatus, type: String, body: [UInt8]) {
        self.status = status
        self.type = type
        self.body = body
    }

    init(status: HTTPResponseStatus, text: String, allow: String? = nil) {
        self.init(status: status, type: "text/plain; charset=utf-8", body: Array(text.utf8))
        self.allow = allow
    }
}

/// How many connections are open, over all event loops.
final class ConnectionCount: Sendable {
    private let max: Int
    private let open = Mutex(0)

    init(max: Int) {
        self.max = max
    }

    /// Whether there is room; if so the caller owes a ``leave()``.
    func enter() -> Bool {
        self.open.withLock { open in
            guard open < self.max else { return false }
            open += 1
            return true
        }
    }

    func leave() {
        self.open.withLock { $0 -= 1 }
    }
}

/// Answers one request and closes.
final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let content: MetricsContent
    private let count: ConnectionCount
    private let timeout: TimeAmount

    private var isCounted = false
    private var deadline: Scheduled<Void>?
    private var head: HTTPRequestHead?

    init(content: MetricsContent, count: ConnectionCount, timeout: TimeAmount) {
        self.content = content
        self.count = count
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        self.isCounted = self.count.enter()
        guard self.isCounted else {
            context.close(promise: nil)
            return
        }
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            // The first request alone is answered; a pipelined second one finds the connection closing.
            guard self.head == nil else { return }
            self.head = head
            self.answer(head, context)
        case .body, .end:
            break
        }
    }

    /// Answers at the head: a body would be ignored, so there is no reason to wait for it.
    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let reply = self.content.reply(request.method, request.uri)
        var headers = HTTPHeaders([
            ("content-type", reply.type), ("content-length", "\(reply.body.count)"), ("connection", "close"),
            ("cache-control", "no-store"),
        ])
        if let allow = reply.allow { headers.add(name: "allow", value: allow) }
        let head = HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: sent)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        if self.isCounted { self.count.leave() }
        context.fireChannelInactive()
    }
}
