import Batches
import NodeAgent
import Testing
import TransparencyLog
import Wire

/// A stream to the ingest port on which a test says what it likes, entry by entry.
struct Conversation {
    enum Verdict: Sendable {
        case taken(index: UInt64)
        case refused(EntryRefusal)

        var index: UInt64? { if case .taken(let index) = self { index } else { nil } }
        var refusal: EntryRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
    }

    /// What the aggregator said first: where the node's chains end.
    let heads: [Wire.ChainHead]
    private let writer: UpWriter
    private var messages: DownMessages.AsyncIterator

    /// Opens a stream, holds the conversation, and ends it in order.
    static func hold<Value: Sendable>(
        _ client: IngestClient, log: String, node: String, incarnation: UInt64? = nil,
        _ body: @escaping @Sendable (inout Conversation) async throws -> Value
    ) async throws -> Value {
        try await client.withStream { messages, writer in
            let chains = incarnation.map { [ChainReference(log: log, node: node, incarnation: $0)] } ?? []
            try await writer.send(.hello(AgentHello(log: log, node: node, agentVersion: "test/1", chains: chains)))
            var iterator = messages.makeAsyncIterator()
            guard case .heads(let heads)? = try await iterator.next() else {
                throw IngestError(.protocolViolation, "the first word of an aggregator are the heads")
            }
            var conversation = Conversation(heads: heads, writer: writer, messages: iterator)
            let value = try await body(&conversation)
            writer.finish()
            return value
        }
    }

    static func hold<Value: Sendable>(
        as enrolment: Enrolment, _ body: @escaping @Sendable (inout Conversation) async throws -> Value
    ) async throws -> Value {
        try await hold(
            IngestClient(configuration: enrolment.clientConfiguration()), log: enrolment.log, node: enrolment.node, body
        )
    }

    /// Says one thing and waits for the verdict on it.
    mutating func say(_ upload: EntryUpload) async throws -> Verdict {
        try await writer.send(.entry(upload))
        let leaf = MerkleHash.leaf(of: upload.note).bytes
        while let message = try await messages.next() {
            switch message {
            case .ack(let receipt) where receipt.leaf == leaf: return .taken(index: receipt.index)
            case .refuse(let refusal) where refusal.leaf == leaf: return .refused(refusal)
            case .ack, .refuse, .heads, .checkpoint: continue
            }
        }
        throw IngestError(.unavailable, "the stream ended without a verdict")
    }

    /// Says what the log has to take; the maker goes on behind it.
    mutating func goOn(_ upload: EntryUpload, _ maker: inout BatchMaker) async throws {
        let verdict = try await say(upload)
        try #require(verdict.index != nil, "\(verdict)")
        maker.advance(past: upload)
    }
}
