import GRPCCore
import GRPCNIOTransportHTTP2Posix
package import Identity
package import NIOCore
import NIOPosix

/// An agent's side of the wire: one connection with one stream, over mutual TLS 1.3.
///
/// A value without state: each call makes its own connection and closes it. When to come back is the caller's business,
/// who knows the time and has a source of jitter.
package struct IngestClient: Sendable {
    package struct Configuration: Sendable {
        /// A name, or an address that the server's certificate lists.
        package var server: NetworkAddress
        /// PEM: the node's client certificate.
        package var certificatesPEM: [UInt8]
        package var keyPEM: [UInt8]
        /// The authority whose server certificate is taken.
        package var authority: IdentityCertificate
        /// For the connection, and once more for the server's first word.
        package var connectTimeoutSeconds: Int64 = 10
        /// A ping after so long without a word from the server; 20 seconds later the connection is given up.
        package var keepaliveSeconds: Int64 = 50

        package init(
            server: NetworkAddress, certificatesPEM: [UInt8], keyPEM: [UInt8], authority: IdentityCertificate
        ) {
            self.server = server
            self.certificatesPEM = certificatesPEM
            self.keyPEM = keyPEM
            self.authority = authority
        }
    }

    private let configuration: Configuration
    private let connector: IngestConnector

    /// - Parameter eventLoopGroup: one thread is enough. A program that wants no more than that sets
    ///   `NIOSingletons.groupLoopCountSuggestion = 1` before anything else.
    package init(
        configuration: Configuration, eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws(IngestError) {
        self.configuration = configuration
        self.connector = try IngestConnector(configuration: configuration, eventLoopGroup: eventLoopGroup)
    }

    /// Connects, opens the stream, runs `body`, and closes the connection when it returns or throws.
    ///
    /// Messages that `body` has sent but the server has not acknowledged may be lost, as on any connection: what counts
    /// is the acknowledgement. To end in order call ``UpWriter/finish()`` and read to the end.
    ///
    /// - Throws: ``IngestError`` if there is no connection or it is lost; otherwise what `body` throws.
    package func withStream<Value: Sendable>(
        _ body: @escaping @Sendable (DownMessages, UpWriter) async throws -> Value
    ) async throws -> Value {
        try await self.withConnection { client in
            let handover = WriterHandover()
            return try await client.stream(
                request: StreamingClientRequest { writer in await handover.lend(writer) }
            ) { response in
                defer { handover.giveBack() }
                let messages = DownMessages(response.messages)
                // A refusal of the whole stream comes instead of a first message.
                if case .failure(let error) = response.accepted { throw IngestError(error) }
                guard let writer = await handover.borrow() else {
                    throw IngestError(.unavailable, "the stream ended before it began")
                }
                return try await body(messages, UpWriter(writer, handover))
            }
        }
    }

    /// A new client certificate, also with one that has run out.
    ///
    /// - Parameters:
    ///   - request: PKCS #10, DER, for the new key.
    ///   - sign: the node's signing key over the given bytes: Ed25519, 64 bytes.
    /// - Returns: PEM: the new certificate, then the authority's.
    package func renew(
        request: [UInt8], sign: @escaping @Sendable ([UInt8]) throws -> [UInt8]
    ) async throws -> [UInt8] {
        try await self.withConnection { client in
            let challenge = try await client.renew(Wattest_V1_RenewRequest()).challengeBytes()
            let signature = try sign(CertificateRenewal.signedBytes(challenge: challenge, request: request))
            let reply = try await client.renew(
                Wattest_V1_RenewRequest(challenge: challenge, request: request, signature: signature))
            return try reply.certificateBytes()
        }
    }

    /// Makes the connection and translates what it dies of.
    func withConnection<Value: Sendable>(
        _ body:
            @escaping @Sendable (
                Wattest_V1_Ingest.Client<HTTP2ClientTransport.WrappedChannel>
            ) async throws -> Value
    ) async throws -> Value {
        let failures = ConnectionFailures()
        do {
            let client = GRPCClient(transport: try await self.connector.connect(failures))
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.runConnections() }
                // Leaving the group cancels the connection's task, which closes the channel.
                defer { group.cancelAll() }
                return try await body(Wattest_V1_Ingest.Client(wrapping: client))
            }
        } catch let error as IngestError {
            throw failures.explain(error, self.configuration.server)
        } catch let error as RPCError {
            throw failures.explain(IngestError(error), self.configuration.server)
        }
    }
}
