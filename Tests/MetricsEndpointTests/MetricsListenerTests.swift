import Identity
import NIOCore
import NIOPosix
import Testing

@testable import MetricsEndpoint

@Suite(.timeLimit(.minutes(1))) struct MetricsListenerTests {
    private func withListener<Value: Sendable>(
        readiness: Readiness = .ready, connectionsMax: Int = 16, timeoutSeconds: Int64 = 10,
        _ body: (NetworkAddress) async throws -> Value
    ) async throws -> Value {
        var configuration = MetricsListener.Configuration(address: NetworkAddress(host: "127.0.0.1", port: 0))
        configuration.connectionsMax = connectionsMax
        configuration.timeoutSeconds = timeoutSeconds
        let listener = MetricsListener(configuration: configuration) {
            var page = MetricsPage()
            page.gauge("up", "Up.", 1)
            return page
        } readiness: {
            readiness
        }
        let (bound, binding) = AsyncStream.makeStream(of: NetworkAddress.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { binding.finish() }
                try await listener.run { binding.yield($0) }
            }
            defer { group.cancelAll() }
            var addresses = bound.makeAsyncIterator()
            return try await body(try #require(await addresses.next()))
        }
    }

    /// Sends text, and reads until the listener closes the connection.
    private func talk(_ address: NetworkAddress, _ text: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            if !text.isEmpty { try await outbound.write(ByteBuffer(string: text)) }
            var answer = ""
            do {
                for try await part in inbound { answer += String(buffer: part) }
            } catch is IOError {
                // A reset ends the answer like a close.
            }
            return answer
        }
    }

    private func get(_ address: NetworkAddress, _ path: String) async throws -> String {
        try await self.talk(address, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test func metricsAreServed() async throws {
        try await self.withListener { address in
            let answer = try await self.get(address, "/metrics?x=1")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n# HELP up Up.\n# TYPE up gauge\nup 1\n"))
            let (health, ready) = (try await self.get(address, "/healthz"), try await self.get(address, "/readyz"))
            #expect(health.hasSuffix("\r\n\r\nok\n"))
            #expect(ready.hasPrefix("HTTP/1.1 200"))
            let elsewhere = try await self.get(address, "/")
            #expect(elsewhere.hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test func unreadinessHasItsReason() async throws {
        try await self.withListener(readiness: .notReady("the spool cannot be opened")) { address in
            let answer = try await self.get(address, "/readyz")
            #expect(answer.hasPrefix("HTTP/1.1 503"))
            #expect(answer.hasSuffix("\r\n\r\nthe spool cannot be opened\n"))
        }
    }

    @Test func onlyReadingIsAnswered() async throws {
        try await self.withListener { address in
            let head = try await self.talk(address, "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200"))
            #expect(head.hasSuffix("\r\n\r\n"))
            let post = try await self.talk(
                address, "POST /metrics HTTP/1.1\r\nHost: a\r\ncontent-length: 1000000\r\n\r\nxx")
            #expect(post.hasPrefix("HTTP/1.1 405"))
            let rubbish = try await self.talk(address, "\u{1}\u{2}\r\n\r\n")
            #expect(!rubbish.contains("200"))
        }
    }

    @Test func pipelinedRequestsGetOneAnswer() async throws {
        try await self.withListener { address in
            let request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            let answer = try await self.talk(address, request + request + request)
            #expect(answer.components(of: "HTTP/1.1 200") == 1)
        }
    }

    @Test func silentConnectionIsClosed() async throws {
        try await self.withListener(timeoutSeconds: 1) { address in
            let answer = try await self.talk(address, "")
            #expect(answer == "")
        }
    }

    @Test func connectionsAreBounded() async throws {
        try await self.withListener(connectionsMax: 1) { address in
            // Half a request holds the only place.
            let holder = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: address.host, port: address.port).get()
            try await holder.writeAndFlush(ByteBuffer(string: "GET "))
            // A refused connection may be closed before the request is written: that is no answer either.
            func answer() async -> String { (try? await self.get(address, "/healthz")) ?? "" }
            // Another event loop may take the later connection first; it is refused once the holder is counted.
            var refused = await answer()
            for _ in 0..<1000 where refused != "" { refused = await answer() }
            #expect(refused == "")
            try await holder.close()
            // The place is free as soon as the listener has seen the close.
            var served = await answer()
            for _ in 0..<10_000 where served == "" { served = await answer() }
            #expect(served.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func takenAddressIsAnErrorWithThePlace() async throws {
        try await self.withListener { address in
            let second = MetricsListener(configuration: MetricsListener.Configuration(address: address)) {
                MetricsPage()
            } readiness: {
                .ready
            }
            let error = await #expect(throws: MetricsListenerError.self) { try await second.run() }
            #expect(error?.description.hasPrefix("metrics: cannot listen on \(address): ") == true)
        }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        self.ranges(of: part).count
    }
}
