import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// How a log reaches its witnesses.
package struct WitnessTransport: Sendable {
    package struct Reply: Sendable, Hashable {
        package let status: Int
        package let body: [UInt8]

        package init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    /// Posts a body to an address. Throws when nobody answers in time.
    package let post: @Sendable (_ url: String, _ body: [UInt8]) async throws -> Reply
    /// Gives back what it holds; nothing is posted afterwards.
    package let close: @Sendable () async -> Void

    package init(
        post: @escaping @Sendable (_ url: String, _ body: [UInt8]) async throws -> Reply,
        close: @escaping @Sendable () async -> Void = {}
    ) {
        self.post = post
        self.close = close
    }

    /// Reaches nobody.
    package static let none = WitnessTransport(post: { _, _ in Reply(status: 503, body: []) })

    static let maximumReplyBytes = 64 << 10
    static let timeoutSeconds: Int64 = 10

    /// Over HTTP or HTTPS. Cosignatures are signed, refusals are not: a man in the middle can deny an answer or stop
    /// the log with a false refusal where there is no TLS, and forge no cosignature.
    ///
    /// - Parameter authorityPEM: certificates to trust instead of the machine's list.
    package static func http(authorityPEM: [UInt8]? = nil) throws -> WitnessTransport {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(timeoutSeconds), read: .seconds(timeoutSeconds)))
        if let authorityPEM {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorityPEM))
            configuration.tlsConfiguration = tls
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        return WitnessTransport(
            post: { url, body in
                var request = HTTPClientRequest(url: url)
                request.method = .POST
                request.headers.add(name: "content-type", value: "text/plain; charset=utf-8")
                request.body = .bytes(ByteBuffer(bytes: body))
                let response = try await client.execute(request, timeout: .seconds(timeoutSeconds))
                let answer = try await response.body.collect(upTo: maximumReplyBytes)
                return Reply(status: Int(response.status.code), body: Array(answer.readableBytesView))
            },
            close: { try? await client.shutdown() })
    }
}
