import GRPCCore
import Identity
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The gRPC service: finds the peer of a call, turns messages into plain values, and hands over.
struct IngestService: Wattest_V1_Ingest.ServiceProtocol {
    let connections: PeerConnections
    let counters: HandshakeRefusalCounters
    let handlers: IngestHandlers

    func stream(
        request: StreamingServerRequest<Wattest_V1_Up>, context: ServerContext
    ) async throws -> StreamingServerResponse<Wattest_V1_Down> {
        let peer = try self.connection(request.metadata).peer
        guard let peer, !peer.isExpired else {
            self.counters.count(.expired)
            let message = "the client certificate has run out: only renewal is open to it"
            throw IngestError(.certificateExpired, message).status
        }
        let messages = UpMessages(request.messages)
        return StreamingServerResponse { writer in
            do {
                try await self.handlers.stream(peer, messages, DownWriter(writer))
            } catch {
                throw IngestError(error).status
            }
            return [:]
        }
    }

    func renew(
        request: ServerRequest<Wattest_V1_RenewRequest>, context: ServerContext
    ) async throws -> ServerResponse<Wattest_V1_RenewReply> {
        let connection = try self.connection(request.metadata)
        guard let peer = connection.peer else { throw IngestError(.unavailable, "the connection is gone").status }
        let message = request.message
        guard !message.certificateRequest.isEmpty else {
            return ServerResponse(message: .with { $0.challenge = Data(connection.issueChallenge()) })
        }
        let challenge = Array(message.challenge)
        guard connection.redeem(challenge: challenge) else {
            return ServerResponse(
                message: .refused(.badSignature, "not this connection's challenge: ask for one, then use it once"))
        }
        let certificateRequest = Array(message.certificateRequest)
        let renewal = CertificateRenewal(
            request: certificateRequest,
            signedBytes: CertificateRenewal.signedBytes(challenge: challenge, request: certificateRequest),
            signature: Array(message.signature))
        switch await self.handlers.renew(peer, renewal) {
        case .issued(let certificates):
            return ServerResponse(message: .with { $0.certificates = Data(certificates) })
        case .refused(let code, let text):
            return ServerResponse(message: .refused(code, text))
        }
    }

    private func connection(_ metadata: Metadata) throws -> PeerConnection {
        guard let text = metadata[stringValues: ConnectionNumberHandler.key].first(where: { _ in true }),
            let number = UInt64(text), let connection = self.connections[number]
        else { throw IngestError(.unavailable, "the connection is gone").status }
        return connection
    }
}

extension Wattest_V1_RenewReply {
    static func refused(_ code: RefusalCode, _ message: String) -> Self {
        .with {
            $0.refuse = .with {
                $0.code = Wattest_V1_Refuse.Code(code)
                $0.permanent = true
                $0.message = message
            }
        }
    }
}
