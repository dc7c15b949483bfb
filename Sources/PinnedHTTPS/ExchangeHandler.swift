import NIOCore
import NIOHTTP1
import NIOTLS

/// Sends one request when TLS is up, and completes a promise with the whole reply.
final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = NIOHTTPClientResponseFull
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let body: [UInt8]
    private let reply: EventLoopPromise<NIOHTTPClientResponseFull>
    private let timeout: TimeAmount
    private var deadline: Scheduled<Void>?

    init(
        head: HTTPRequestHead, body: [UInt8], reply: EventLoopPromise<NIOHTTPClientResponseFull>, timeout: TimeAmount
    ) {
        self.head = head
        self.body = body
        self.reply = reply
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            self.fail(PinnedHTTPSError(.timeout, "no reply in time: try again, or look at the server"), context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Not a byte of the request, which holds a token, before the server is known.
        if case .handshakeCompleted = event as? TLSUserEvent {
            context.write(self.wrapOutboundOut(.head(self.head)), promise: nil)
            if !self.body.isEmpty {
                context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: self.body)))), promise: nil)
            }
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.reply.succeed(self.unwrapInboundIn(data))
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is NIOHTTPObjectAggregatorError, is HTTPParserError:
            self.fail(PinnedHTTPSError(.badReply, "the reply is too large or not HTTP: \(error)"), context)
        default:
            self.fail(error, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.reply.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        self.reply.fail(error)
        context.close(promise: nil)
    }
}
