import NIOCore
import NIOTLS

/// Stands behind the TLS handler of an accepted connection: bounds the handshake in time, counts the refused ones, and
/// lets nothing pass before the peer is known.
final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// nil for a connection above the limit, which is closed at once.
    let connection: PeerConnection?
    private let connections: PeerConnections
    private let counters: HandshakeRefusalCounters
    private let handshakeTimeout: TimeAmount

    private var deadline: Scheduled<Void>?
    private var isIdentified = false
    private var isCounted = false

    init(
        connection: PeerConnection?, connections: PeerConnections, counters: HandshakeRefusalCounters,
        handshakeTimeout: TimeAmount
    ) {
        self.connection = connection
        self.connections = connections
        self.counters = counters
        self.handshakeTimeout = handshakeTimeout
    }

    func channelActive(context: ChannelHandlerContext) {
        guard self.connection != nil else {
            context.close(promise: nil)
            return
        }
        // A client that opens a connection and then says nothing would otherwise hold it for ever.
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.handshakeTimeout) {
            self.refuse(.other)
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiatedProtocol) = event as? TLSUserEvent {
            self.deadline?.cancel()
            // A resumed session would come here without the certificate having been judged. Fail closed.
            guard let connection, connection.peer != nil, negotiatedProtocol == "h2" else {
                self.refuse(.other)
                context.close(promise: nil)
                return
            }
            self.isIdentified = true
            self.connections.add(connection)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.isIdentified else { return }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !self.isIdentified else {
            context.fireErrorCaught(error)
            return
        }
        // The TLS handler closes the connection itself; the handlers behind have nothing to do with its reasons.
        self.refuse(self.connection?.refusal ?? Self.reason(of: error))
    }

    /// Comes for every handler, also of a connection that was never active.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        if let connection { self.connections.remove(connection) }
    }

    private func refuse(_ reason: HandshakeRefusal) {
        guard !self.isCounted else { return }
        self.isCounted = true
        self.counters.count(reason)
    }

    /// BoringSSL names its errors in text only.
    private static func reason(of error: any Error) -> HandshakeRefusal {
        String(describing: error).contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") ? .noCertificate : .other
    }
}
