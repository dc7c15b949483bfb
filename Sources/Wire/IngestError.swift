import GRPCCore

/// Why a connection could not be made, or has ended: one line with the place and the remedy.
package struct IngestError: Error, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// No connection: nothing listens, no route, no such name, or no answer in time.
        case unreachable
        /// The server's certificate is not this authority's, or for another host, or out of its time.
        case untrustedServer
        /// The server ended the handshake because of this client's certificate.
        case certificateRefused
        /// The client's certificate has run out: renew it.
        case certificateExpired
        /// The server is shutting down, or the connection was lost.
        case unavailable
        /// A message above ``WireLimits/messageBytesMax``.
        case tooLarge
        /// The peer does not speak this protocol.
        case protocolViolation
        /// The renewal was refused.
        case refused
        /// The caller's task was cancelled.
        case cancelled
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

extension IngestError {
    /// The error that a stream of gRPC ended with.
    init(_ error: any Error) {
        switch error {
        case let error as IngestError:
            self = error
        case is CancellationError:
            self.init(.cancelled, "the stream was cancelled")
        case let error as RPCError:
            self.init(Code(error.code), error.message)
        default:
            self.init(.unavailable, "the connection was lost: \(error)")
        }
    }

    /// The status that a server ends a stream with.
    var status: RPCError {
        let code: RPCError.Code =
            switch self.code {
            case .certificateExpired: .unauthenticated
            case .certificateRefused, .refused: .permissionDenied
            case .tooLarge: .resourceExhausted
            case .protocolViolation: .invalidArgument
            case .cancelled: .cancelled
            case .unavailable, .unreachable, .untrustedServer: .unavailable
            }
        return RPCError(code: code, message: self.description)
    }
}

extension IngestError.Code {
    init(_ code: RPCError.Code) {
        self =
            switch code {
            case .unauthenticated: .certificateExpired
            case .permissionDenied: .refused
            case .resourceExhausted: .tooLarge
            case .unavailable, .aborted: .unavailable
            case .cancelled: .cancelled
            default: .protocolViolation
            }
    }
}
