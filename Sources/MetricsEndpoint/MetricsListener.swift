package import Identity
package import NIOCore
import NIOHTTP1
import NIOPosix

/// Whether the program can do its work.
package enum Readiness: Sendable, Hashable {
    case ready
    /// One line: what is missing.
    case notReady(String)
}

/// Serves `/metrics`, `/healthz` and `/readyz` over plain HTTP.
///
/// Every reply closes its connection: a scrape every 15 seconds gains nothing from a kept one, and none can be held
/// open.
package struct MetricsListener: Sendable {
    package struct Configuration: Sendable {
        /// Where to listen; port 0 takes a free one.
        package var address: NetworkAddress
        package var connectionsMax = 16
        /// A connection that has not been answered by then is closed.
        package var timeoutSeconds: Int64 = 10

        package init(address: NetworkAddress) {
            self.address = address
        }
    }

    private let configuration: Configuration
    private let content: MetricsContent
    private let eventLoopGroup: any EventLoopGroup

    /// - Parameters:
    ///   - metrics: called on the event loop for each scrape; must not block.
    ///   - readiness: the same, for `/readyz`.
    package init(
        configuration: Configuration,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        metrics: @escaping @Sendable () -> MetricsPage,
        readiness: @escaping @Sendable () -> Readiness
    ) {
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
        self.content = MetricsContent(metrics: metrics, readiness: readiness)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onBound: called once with the address in use.
    /// - Throws: ``MetricsListenerError`` if the address cannot be bound.
    package func run(onBound: @Sendable (NetworkAddress) -> Void = { _ in }) async throws(MetricsListenerError) {
        let configuration = self.configuration
        let content = self.content
        let count = ConnectionCount(max: configuration.connectionsMax)
        let bootstrap = ServerBootstrap(group: self.eventLoopGroup)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try pipeline.addHandler(
                        MetricsHandler(
                            content: content, count: count, timeout: .seconds(configuration.timeoutSeconds)))
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(
                host: configuration.address.host, port: configuration.address.port
            ).get()
        } catch {
            throw MetricsListenerError(address: configuration.address, reason: "\(error)")
        }
        if let bound = channel.localAddress {
            onBound(NetworkAddress(host: bound.ipAddress ?? configuration.address.host, port: bound.port ?? 0))
        }
        await withTaskCancellationHandler {
            _ = try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

/// The address of the metrics cannot be bound: one line with the remedy.
package struct MetricsListenerError: Error, Hashable, CustomStringConvertible {
    package let address: NetworkAddress
    package let reason: String

    package var description: String {
        "metrics: cannot listen on \(self.address): \(self.reason): choose another address or port"
    }
}
