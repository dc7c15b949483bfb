import Identity
import NIOCore
import NIOSSL
import Synchronization

/// Remembers why TLS failed: gRPC reports no more than that the channel was closed.
final class ConnectionFailures: Sendable {
    private let first = Mutex<String?>(nil)

    func record(_ error: any Error) {
        self.first.withLock { $0 = $0 ?? String(describing: error) }
    }

    /// The error that tells a person what to do, with the server's address.
    func explain(_ error: IngestError, _ server: NetworkAddress) -> IngestError {
        let place = "\(server)"
        guard error.code == .unavailable || error.code == .cancelled, let cause = self.first.withLock({ $0 }) else {
            return IngestError(error.code, "\(place): \(error.description)")
        }
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

/// Stands behind the TLS handler and takes down its errors.
final class ConnectionFailureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let failures: ConnectionFailures

    init(_ failures: ConnectionFailures) {
        self.failures = failures
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failures.record(error)
        context.fireErrorCaught(error)
    }
}
