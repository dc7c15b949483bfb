import NIOCore
import NIOHPACK
import NIOHTTP2

/// Stands in front of gRPC on each HTTP/2 stream. It does two things that gRPC offers no place for.
///
/// It writes the number of the connection into the stream's metadata, where the service finds it: a stream can then
/// only ever be taken for the peer of the connection that it came in on. A number sent by the client is removed.
///
/// When the server drains, it ends the stream's input, so that the service sees the same end as if the client had
/// finished: it answers what it has received and returns. What the client sends after that is dropped without an
/// acknowledgement, so the client sends it again elsewhere.
final class ConnectionNumberHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    static let key = "wattest-connection"

    private let number: UInt64
    private var hasHeaders = false
    private var isEnded = false

    init(number: UInt64) {
        self.number = number
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .headers(var frame):
            guard !self.isEnded else { return }
            if !self.hasHeaders {
                frame.headers.remove(name: Self.key)
                frame.headers.add(name: Self.key, value: String(self.number))
                self.hasHeaders = true
            }
            self.isEnded = frame.endStream
            context.fireChannelRead(self.wrapInboundOut(.headers(frame)))
        case .data(let frame):
            guard !self.isEnded else { return }
            self.isEnded = frame.endStream
            context.fireChannelRead(data)
        default:
            context.fireChannelRead(data)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, self.hasHeaders, !self.isEnded {
            self.isEnded = true
            let end = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer()), endStream: true)
            context.fireChannelRead(self.wrapInboundOut(.data(end)))
            context.fireChannelReadComplete()
        }
        context.fireUserInboundEventTriggered(event)
    }
}
