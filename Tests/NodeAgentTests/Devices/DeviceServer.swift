import Glibc
import Identity
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import PinnedHTTPS
import Synchronization

@testable import NodeAgent

/// A device on the network: HTTP/1.1 over real TLS with a certificate of its own, answering as a test scripts.
final class DeviceServer: Sendable {
    struct Asked: Sendable {
        var method: String
        var path: String
        var headers: HTTPHeaders
        var body: String
    }

    enum Answer: Sendable {
        case reply(Int, String, headers: [(String, String)] = [])
        /// The connection stays open and says nothing.
        case silence
        /// The connection ends without an answer.
        case end
    }

    let certificateSHA256: [UInt8]
    let address: NetworkAddress
    private let channel: any Channel
    private let state = Mutex<(asked: [Asked], connections: Int)>(([], 0))

    init(answer: @escaping @Sendable (Asked) -> Answer) throws {
        let now = Int64(time(nil))
        let authority = try CertificateAuthority(organization: "Device", now: now - 86_400)
        let key = IdentityKey()
        // A name that nobody asks for and that has run out: BMCs are so.
        let certificate = try authority.issueServer(names: ["bmc-default"], addresses: [], key: key, now: now)
        certificateSHA256 = try IdentityCertificate(pem: certificate.pem).sha256
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(certificate.pem).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: key.pem, format: .pem)))
        configuration.applicationProtocols = ["http/1.1"]
        let context = try NIOSSLContext(configuration: configuration)
        let link = Link()
        channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    link.server?.state.withLock { $0.connections += 1 }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(
                        DeviceServerHandler { asked in
                            link.server?.state.withLock { $0.asked.append(asked) }
                            return answer(asked)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        address = NetworkAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
        link.set(self)
    }

    deinit { channel.close(promise: nil) }

    var asked: [Asked] { state.withLock { $0.asked } }
    var connections: Int { state.withLock { $0.connections } }

    func service(user: String? = "reader", pin: [UInt8]? = nil, timeoutMilliseconds: Int64 = 5000) -> DeviceService {
        var service = DeviceService(
            server: address, trust: .pinned(sha256: pin ?? certificateSHA256),
            account: user.map { .init(user: $0, password: Array("geheim".utf8)) })
        service.timeoutMilliseconds = timeoutMilliseconds
        return service
    }

    /// The handlers are made before the server is.
    private final class Link: Sendable {
        private struct Weak: Sendable { weak var server: DeviceServer? }
        private let target = Mutex(Weak())

        var server: DeviceServer? { target.withLock { $0.server } }
        func set(_ server: DeviceServer) { target.withLock { $0.server = server } }
    }
}

private final class DeviceServerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: (DeviceServer.Asked) -> DeviceServer.Answer
    private var asked: DeviceServer.Asked?

    init(answer: @escaping @Sendable (DeviceServer.Asked) -> DeviceServer.Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            asked = .init(method: head.method.rawValue, path: head.uri, headers: head.headers, body: "")
        case .body(let buffer): asked?.body += String(buffer: buffer)
        case .end:
            guard let asked else { return }
            switch answer(asked) {
            case .silence: break
            case .end: context.close(promise: nil)
            case .reply(let status, let body, let headers):
                var fields = HTTPHeaders(headers)
                fields.add(name: "content-length", value: "\(body.utf8.count)")
                let head = HTTPResponseHead(
                    version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
