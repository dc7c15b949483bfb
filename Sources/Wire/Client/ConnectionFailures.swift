import Identity
import NIOCore
import NIOSSL
import Synchronization

/// Remembers why TLS failed: gRPC reports no more than that the channel was closed.
final class ConnectionFailures: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    func record(_ error: any Error) {
        self.first.withLock { $0 = $0 ?? error }
    }

    /// The error that tells a person what to do, with the server's address.
    func explain(_ error: IngestError, _ server: NetworkAddress) -> IngestError {
        let place = "\(server)"
        guard error.code == .unavailable, let failure = self.first.withLock({ $0 }) else {
            return IngestError(error.code, "\(place): \(error.description)")
        }
        if let failure = failure as? IngestError {
            return IngestError(failure.code, "\(place): \(failure.description)")
        }
        // BoringSSL names its errors in text only.
        let cause = String(describing: failure)
        // An alert is what the server says of this client; everything else is what this client says of the server.
        if cause.contains("ALERT_CERTIFICATE") || cause.contains("ALERT_UNKNOWN_CA")
            || cause.contains("ALERT_BAD_CERTIFICATE")
        {
            return IngestError(
                .certificateRefused,
                "\(place): the server refuses this node's certificate: renew it, or enrol the node again")
        }
        if cause.contains("CERTIFICATE_VERIFY_FAILED") || cause.contains("unableToValidateCertificate")
            || cause.contains("failedToValidateHostname")
        {
            return IngestError(
                .untrustedServer,
                "\(place): the server's certificate is not this authority's or not for this host: check the address "
                    + "and this machine's clock, or enrol the node again")
        }
        return IngestError(.unavailable, "\(place): the connection was lost: \(cause)")
    }
}

/// Stands behind the TLS handler: takes down its errors, and gives up on a server that does not speak.
final class ConnectionFailureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let failures: ConnectionFailures
    private let timeout: TimeAmount
    private var deadline: Scheduled<Void>?

    init(_ failures: ConnectionFailures, timeout: TimeAmount) {
        self.failures = failures
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        // The kernel accepts connections for a process that hangs, and no timer of gRPC or TLS covers the handshake.
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            self.failures.record(IngestError(.unreachable, "the server accepts the connection and says nothing"))
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.deadline?.cancel()
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failures.record(error)
        context.fireErrorCaught(error)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
    }
}
