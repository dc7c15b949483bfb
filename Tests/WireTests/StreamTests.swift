import Identity
import Synchronization
import Testing

@testable import Wire

@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    private let loopback: Loopback

    init() throws {
        self.loopback = try Loopback()
    }

    @Test func thousandMessagesEachWay() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { _, address in
            let received = try await self.loopback.client(address).withStream { messages, writer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 0..<1_000 {
                            let note = Array("note \(number)".utf8)
                            try await writer.send(.entry(EntryUpload(log: "l", note: note, samples: [1, 2])))
                        }
                        writer.finish()
                    }
                    var received: [DownMessage] = []
                    for try await message in messages { received.append(message) }
                    try await group.waitForAll()
                    return received
                }
            }
            #expect(received.count == 1_000)
            for (number, message) in received.enumerated() {
                guard case .ack(let receipt) = message else {
                    Issue.record("not an acknowledgement: \(message)")
                    return
                }
                #expect(receipt.index == UInt64(number))
                #expect(receipt.leaf == Array("note \(number)".utf8))
            }
        }
    }

    @Test func largestEntryPassesAndALargerNoteIsRefusedByName() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { _, address in
            try await self.loopback.client(address).withStream { messages, writer in
                var answers = messages.makeAsyncIterator()
                let samples = [UInt8](repeating: 7, count: WireLimits.samplesBytesMax)
                let note = [UInt8](repeating: 65, count: WireLimits.noteBytesMax)
                try await writer.send(.entry(EntryUpload(log: "l", note: note, samples: samples)))
                guard case .ack = try await answers.next() else {
                    Issue.record("the largest entry was not taken")
                    return
                }
                try await writer.send(.entry(EntryUpload(log: "l", note: note + [65], samples: samples)))
                guard case .refuse(let refusal) = try await answers.next() else {
                    Issue.record("the oversized note was not refused")
                    return
                }
                #expect(refusal.code == .tooLarge)
                // The connection is as good as before.
                try await writer.send(.entry(EntryUpload(log: "l", note: note)))
                guard case .ack = try await answers.next() else {
                    Issue.record("the connection did not survive the refusal")
                    return
                }
            }
        }
    }

    @Test func messageAboveTheTransportsLimitIsNotSent() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { _, address in
            let huge = [UInt8](repeating: 0, count: WireLimits.messageBytesMax)
            let error = await #expect(throws: IngestError.self) {
                try await self.loopback.client(address).withStream { _, writer in
                    try await writer.send(.entry(EntryUpload(log: "l", note: huge)))
                }
            }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test func twoHundredClientsTogether() async throws {
        let nodes = Mutex<Set<String>>([])
        let handlers = IngestHandlers.streaming { peer, messages, writer in
            nodes.withLock { _ = $0.insert(peer.node) }
            for try await case .entry(let entry) in messages {
                try await writer.send(
                    .ack(EntryReceipt(chain: nil, sequence: 0, index: 0, leaf: entry.note)))
            }
        }
        try await withServer(try self.loopback.serverConfiguration(), handlers) { server, address in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    let client = try self.loopback.client(address, node: "node-\(number)")
                    group.addTask {
                        try await client.withStream { messages, writer in
                            let note = Array("of \(number)".utf8)
                            try await writer.send(.entry(EntryUpload(log: "l", note: note)))
                            writer.finish()
                            for try await case .ack(let receipt) in messages { #expect(receipt.leaf == note) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(nodes.withLock { $0.count } == 200)
            #expect(server.refusals.values.allSatisfy { $0 == 0 })
        }
    }

    @Test func drainLetsTheHandlerFinishWhatItHasReceived() async throws {
        let handlers = IngestHandlers.streaming { _, messages, writer in
            // Acknowledges only when its input ends, as an intake that commits in groups may.
            var owed: [DownMessage] = []
            for try await case .entry(let entry) in messages {
                owed.append(.ack(EntryReceipt(chain: nil, sequence: 0, index: 0, leaf: entry.note)))
                if owed.count == 1 { try await writer.send(.heads([])) }
            }
            try await writer.send(contentsOf: owed)
        }
        try await withServer(try self.loopback.serverConfiguration(), handlers) { server, address in
            let received = try await self.loopback.client(address).withStream { messages, writer in
                var received: [DownMessage] = []
                try await writer.send(.entry(EntryUpload(log: "l", note: [42])))
                for try await message in messages {
                    received.append(message)
                    if case .heads = message { server.beginShutdown() }
                }
                return received
            }
            #expect(
                received == [
                    .heads([]), .ack(EntryReceipt(chain: nil, sequence: 0, index: 0, leaf: [42])),
                ])
        }
    }

    @Test func handlersErrorReachesTheAgent() async throws {
        let handlers = IngestHandlers.streaming { _, _, _ in
            throw IngestError(.refused, "this node is retired")
        }
        try await withServer(try self.loopback.serverConfiguration(), handlers) { _, address in
            let error = await #expect(throws: IngestError.self) {
                try await self.loopback.client(address).withStream { messages, _ in
                    for try await _ in messages {}
                }
            }
            #expect(error == IngestError(.refused, "\(address): this node is retired"))
        }
    }

    @Test func bodysOwnErrorComesBackUnchanged() async throws {
        struct Own: Error {}
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { _, address in
            await #expect(throws: Own.self) {
                try await self.loopback.client(address).withStream { _, _ in throw Own() }
            }
        }
    }

    @Test func cancelledClientLetsGo() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        let handlers = IngestHandlers.streaming { _, messages, writer in
            defer { end.finish() }
            try await writer.send(.heads([]))
            for try await _ in messages {}
        }
        try await withServer(try self.loopback.serverConfiguration(), handlers) { _, address in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    try? await self.loopback.client(address).withStream { messages, _ in
                        for try await _ in messages { start.finish() }
                    }
                }
                for await _ in started {}
                group.cancelAll()
            }
            for await _ in ended {}
        }
    }

    @Test func clientCannotChooseItsConnection() async throws {
        // A stream that names another connection in its metadata still counts for its own.
        let (peers, sink) = AsyncStream.makeStream(of: String.self)
        let handlers = IngestHandlers.streaming { peer, _, writer in
            sink.yield(peer.node)
            try await writer.send(.heads([]))
        }
        try await withServer(try self.loopback.serverConfiguration(), handlers) { _, address in
            try await self.loopback.client(address, node: "victim").withStream { messages, _ in
                for try await _ in messages { break }
                try await self.loopback.client(address, node: "attacker")
                    .greet(metadata: [ConnectionNumberHandler.key: "1"])
            }
        }
        var iterator = peers.makeAsyncIterator()
        #expect(await iterator.next() == "victim")
        #expect(await iterator.next() == "attacker")
    }
}
