import GRPCCore

/// What an agent sends on one stream, in order; ends when the agent has finished or the server drains.
package struct UpMessages: AsyncSequence, Sendable {
    package typealias Element = UpMessage
    package typealias Failure = IngestError

    private let messages: RPCAsyncSequence<Wattest_V1_Up, any Error>

    init(_ messages: RPCAsyncSequence<Wattest_V1_Up, any Error>) {
        self.messages = messages
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(iterator: self.messages.makeAsyncIterator())
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: RPCAsyncSequence<Wattest_V1_Up, any Error>.AsyncIterator

        package mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(IngestError) -> UpMessage? {
            while true {
                let message: Wattest_V1_Up?
                do {
                    message = try await self.iterator.next(isolation: actor)
                } catch {
                    throw IngestError(error)
                }
                guard let message else { return nil }
                // An unknown kind is from a newer agent, and is optional by the rules of the protocol.
                if let known = UpMessage(message) { return known }
            }
        }
    }
}

/// Sends to one agent.
package struct DownWriter: Sendable {
    private let writer: RPCWriter<Wattest_V1_Down>

    init(_ writer: RPCWriter<Wattest_V1_Down>) {
        self.writer = writer
    }

    /// Waits while the agent is not reading.
    package func send(_ message: DownMessage) async throws(IngestError) {
        do {
            try await self.writer.write(Wattest_V1_Down(message))
        } catch {
            throw IngestError(error)
        }
    }

    /// The same for several messages, in one write.
    package func send(contentsOf messages: [DownMessage]) async throws(IngestError) {
        do {
            try await self.writer.write(contentsOf: messages.map(Wattest_V1_Down.init))
        } catch {
            throw IngestError(error)
        }
    }
}
