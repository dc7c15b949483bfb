import Identity
import NIOCore
import NIOPosix
import NIOSSL

/// A connection whose bytes nobody puts in order: what a server really sends, and where one answer ends.
enum RawConnection {
    private final class Transcript: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var text = ""
        private let whole: EventLoopPromise<String>

        init(_ whole: EventLoopPromise<String>) { self.whole = whole }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) { whole.succeed(text) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// Sends a text over TLS, without a look at the certificate.
    ///
    /// - Returns: everything that the server sent until it closed the connection, or until nobody waits any more.
    static func say(_ text: String, to address: NetworkAddress) async throws -> String {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let tls = try NIOSSLContext(configuration: configuration)
        let group = MultiThreadedEventLoopGroup.singleton
        let whole = group.next().makePromise(of: String.self)
        do {
            let channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
                        try pipeline.addHandler(Transcript(whole))
                    }
                }
                .connect(host: address.host, port: address.port).get()
            let patience = channel.eventLoop.scheduleTask(in: .seconds(60)) { channel.close(promise: nil) }
            whole.futureResult.whenComplete { _ in patience.cancel() }
            try await channel.writeAndFlush(ByteBuffer(string: text))
        } catch {
            whole.fail(error)
            throw error
        }
        return try await whole.futureResult.get()
    }
}
