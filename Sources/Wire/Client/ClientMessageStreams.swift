import GRPCCore

/// What the aggregator sends, in order; ends when it has ended the stream.
package struct DownMessages: AsyncSequence, Sendable {
    package typealias Element = DownMessage
    package typealias Failure = IngestError

    private let messages: RPCAsyncSequence<Wattest_V1_Down, any Error>

    init(_ messages: RPCAsyncSequence<Wattest_V1_Down, any Error>) {
        self.messages = messages
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(iterator: self.messages.makeAsyncIterator())
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: RPCAsyncSequence<Wattest_V1_Down, any Error>.AsyncIterator

        package mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(IngestError) -> DownMessage? {
            while true {
                let message: Wattest_V1_Down?
                do {
                    message = try await self.iterator.next(isolation: actor)
                } catch {
                    throw IngestError(error)
                }
                guard let message else { return nil }
                // An unknown kind is from a newer aggregator, and is optional by the rules of the protocol.
                if let known = DownMessage(message) { return known }
            }
        }
    }
}

/// Sends to the aggregator.
package struct UpWriter: Sendable {
    private let writer: RPCWriter<Wattest_V1_Up>
    private let handover: WriterHandover

    init(_ writer: RPCWriter<Wattest_V1_Up>, _ handover: WriterHandover) {
        self.writer = writer
        self.handover = handover
    }

    /// Waits while the aggregator is not reading.
    package func send(_ message: UpMessage) async throws(IngestError) {
        if case .entry(let entry) = message,
            entry.note.count + entry.samples.count > WireLimits.messageBytesMax - 1_024
        {
            // The server would cut the stream, and with it everything that is under way.
            throw IngestError(
                .tooLarge, "an entry of \(entry.note.count) and \(entry.samples.count) bytes does not fit the wire")
        }
        do {
            try await self.writer.write(Wattest_V1_Up(message))
        } catch {
            throw IngestError(error)
        }
    }

    /// Says that nothing more will be sent. The aggregator answers what it has received and ends the stream.
    package func finish() {
        self.handover.giveBack()
    }
}
