import Testing
import TransparencyLog

@Suite struct WitnessTests {
    private let tree = ReferenceTree(leafCount: 40)
    private let log: SigningKey
    private let key: CosigningKey

    init() throws {
        log = try SigningKey(name: "log.example", seed: [UInt8](repeating: 1, count: 32))
        key = try CosigningKey(name: "witness.example", seed: [UInt8](repeating: 2, count: 32))
    }

    private func state(heads: [(origin: String, head: TreeHead)] = []) -> WitnessState {
        WitnessState(
            key: key, logs: [WitnessState.Log(origin: "log.example", keys: [log.verifier])], heads: heads)
    }

    private func checkpoint(_ size: Int, root: MerkleHash? = nil, origin: String = "log.example") throws
        -> SignedCheckpoint
    {
        let checkpoint = try Checkpoint(origin: origin, size: UInt64(size), root: root ?? tree.root(size))
        return try SignedCheckpoint(checkpoint, signedBy: log)
    }

    private func path(_ old: Int, _ new: Int) throws -> [MerkleHash] {
        old == 0 || old == new
            ? [] : try ConsistencyProof(oldSize: UInt64(old), newSize: UInt64(new)) { tree.hash($0) }.path
    }

    private func body(_ old: Int, _ signed: SignedCheckpoint, path: [MerkleHash]) -> [UInt8] {
        AddCheckpointRequest(oldSize: UInt64(old), path: path, checkpoint: signed).bytes
    }

    private func status(_ decision: WitnessState.Decision) -> Int {
        switch decision {
        case .refuse(let answer): answer.status
        case .accept(let update): update.answer.status
        }
    }

    /// Every pair of sizes: accepted exactly when the old one is what the witness knows.
    @Test func everyGrowthFromEveryKnownSize() throws {
        for known in 0...9 {
            let state = state(heads: [("log.example", TreeHead(size: UInt64(known), root: tree.root(known)))])
            for old in 0...9 {
                for new in 0...9 {
                    let path = old <= new ? try path(old, new) : []
                    let got = status(state.decide(body(old, try checkpoint(new), path: path), time: 9))
                    let want = old > new ? 400 : old != known ? 409 : 200
                    #expect(got == want, "known \(known), old \(old), new \(new)")
                }
            }
        }
    }

    @Test func refusalsInTheirOrder() throws {
        let state = state(heads: [("log.example", TreeHead(size: 7, root: tree.root(7)))])
        func status(_ old: Int, _ signed: SignedCheckpoint, _ path: [MerkleHash]) -> Int {
            self.status(state.decide(body(old, signed, path: path), time: 9))
        }
        #expect(self.status(state.decide([], time: 9)) == 400)
        #expect(self.status(state.decide(Array("old 07\n\n".utf8), time: 9)) == 400)
        let unknown = try checkpoint(9, origin: "other.example")
        #expect(status(7, unknown, []) == 404)
        let stranger = try SigningKey(name: "log.example", seed: [UInt8](repeating: 5, count: 32))
        let head = try checkpoint(9).checkpoint
        #expect(status(7, try SignedCheckpoint(head, signedBy: stranger), try path(7, 9)) == 403)
        let forged = try SignedNote(text: head.text, signatures: try checkpoint(8).note.signatures)
        #expect(status(7, try SignedCheckpoint(note: forged), try path(7, 9)) == 403)
        #expect(status(10, try checkpoint(9), []) == 400)
        #expect(status(6, try checkpoint(9), try path(6, 9)) == 409)
        #expect(status(7, try checkpoint(9), []) == 422)
        #expect(status(7, try checkpoint(9), try path(7, 9).reversed()) == 422)
        #expect(status(7, try checkpoint(9, root: tree.root(8)), try path(7, 9)) == 422)
        #expect(status(7, try checkpoint(7, root: tree.root(8)), []) == 422)
        #expect(status(7, try checkpoint(7), [.emptyTree]) == 422)
        #expect(status(7, try checkpoint(7), []) == 200)
        let fresh = self.state()
        #expect(self.status(fresh.decide(body(0, try checkpoint(9), path: [.emptyTree]), time: 9)) == 422)
        #expect(self.status(fresh.decide(body(0, try checkpoint(0, root: tree.root(1)), path: []), time: 9)) == 422)
        #expect(self.status(fresh.decide(body(0, try checkpoint(0), path: []), time: 9)) == 200)
        #expect(self.status(fresh.decide(body(0, try checkpoint(9), path: []), time: 0)) == 500)
    }

    /// The race of the specification: two requests checked against one head, the larger stored first.
    @Test func theSlowerOfTwoRequestsIsNotStored() throws {
        var state = state()
        guard case .accept(let small) = state.decide(body(0, try checkpoint(5), path: []), time: 9),
            case .accept(let large) = state.decide(body(0, try checkpoint(9), path: []), time: 9)
        else {
            Issue.record("both are acceptable when they arrive")
            return
        }
        let isLargeStored = state.persisted(large)
        let isSmallStored = state.persisted(small)
        #expect(isLargeStored)
        #expect(!isSmallStored)
        #expect(state.head(of: "log.example").size == 9)
    }

    // MARK: The log's side

    /// Runs an exchange against a witness until it ends.
    private func run(_ exchange: inout WitnessExchange, _ state: inout WitnessState) throws -> WitnessExchange.Step {
        var step = exchange.start()
        while case .ask(let oldSize) = step {
            let path = try path(Int(oldSize), Int(exchange.checkpoint.checkpoint.size))
            switch state.decide(exchange.request(path: path), time: 77) {
            case .refuse(let answer):
                step = exchange.received(status: answer.status, body: answer.body)
            case .accept(let update):
                _ = state.persisted(update)
                step = exchange.received(status: update.answer.status, body: update.answer.body)
            }
        }
        return step
    }

    @Test func aForgetfulLogLearnsTheSize() throws {
        for known in [0, 1, 4, 7, 11, 12] {
            for believed in [0, 1, 5, 7, 12] {
                var state = state(heads: [("log.example", TreeHead(size: UInt64(known), root: tree.root(known)))])
                let signed = try checkpoint(12)
                var exchange = WitnessExchange(witness: key.verifier, checkpoint: signed, knownSize: UInt64(believed))
                guard case .cosigned(let signature, time: 77) = try run(&exchange, &state) else {
                    Issue.record("known \(known), believed \(believed)")
                    continue
                }
                #expect(exchange.knownSize == 12)
                let cosigned = try signed.adding([signature])
                let verified = try cosigned.verify(
                    origin: "log.example", log: log.verifier, witnesses: [key.verifier])
                #expect(verified.cosignatures.map(\.time) == [77])
            }
        }
    }

    /// A log restored from an old backup meets a witness that knows more.
    @Test func aWitnessThatIsAheadIsAFork() throws {
        var state = state(heads: [("log.example", TreeHead(size: 20, root: tree.root(20)))])
        var exchange = WitnessExchange(witness: key.verifier, checkpoint: try checkpoint(12), knownSize: 10)
        let step = try run(&exchange, &state)
        #expect(step == .failed(.ahead(size: 20)))
        #expect(WitnessExchange.Failure.ahead(size: 20).isFork)
    }

    @Test func anotherHistoryIsAFork() throws {
        var state = state(heads: [("log.example", TreeHead(size: 5, root: tree.root(6)))])
        var exchange = WitnessExchange(witness: key.verifier, checkpoint: try checkpoint(12), knownSize: 0)
        guard case .failed(let failure) = try run(&exchange, &state) else {
            Issue.record("cosigned")
            return
        }
        #expect(failure.isFork)
    }

    @Test func oddAnswersEndTheExchange() throws {
        func received(_ status: Int, _ body: String) throws -> WitnessExchange.Step {
            var exchange = WitnessExchange(witness: key.verifier, checkpoint: try checkpoint(12), knownSize: 3)
            _ = exchange.start()
            return exchange.received(status: status, body: Array(body.utf8))
        }
        #expect(try received(503, "") == .failed(.unavailable(status: 503)))
        #expect(try received(429, "") == .failed(.unavailable(status: 429)))
        #expect(try received(404, "unknown log") == .failed(.refused(status: 404, text: "'unknown log'")))
        #expect(try received(403, "") == .failed(.refused(status: 403, text: "''")))
        // Nothing that it says reaches a terminal as more than text.
        #expect(try received(404, "no\n") == .failed(.refused(status: 404, text: "'no'")))
        let orders = "a\nb\u{1B}[2J\u{9B}2J\u{202E}c"
        #expect(try received(404, orders) == .failed(.refused(status: 404, text: "'a?b?[2J?2J?c'")))
        #expect(try received(409, "5\n") == .ask(oldSize: 5))
        for body in ["", "5", "05\n", "five\n", "3\n"] {
            guard case .failed(.malformed) = try received(409, body) else {
                Issue.record("409 with \(body)")
                continue
            }
        }
        let other = try CosigningKey(name: "witness.example", seed: [UInt8](repeating: 8, count: 32))
        let foreign = try other.cosignature(of: checkpoint(12).checkpoint, time: 5).line
        let stale = try key.cosignature(of: checkpoint(11).checkpoint, time: 5).line
        for body in [[], foreign, stale, Array("— witness.example\n".utf8)] {
            guard case .failed(.malformed) = try received(200, String(decoding: body, as: UTF8.self)) else {
                Issue.record("200 with \(body)")
                continue
            }
        }
        let good = try key.cosignature(of: checkpoint(12).checkpoint, time: 5)
        #expect(
            try received(200, String(decoding: foreign + good.line, as: UTF8.self)) == .cosigned(good, time: 5))
    }

    /// A witness that names another size each time is not asked for ever.
    @Test func retriesAreBounded() throws {
        var exchange = WitnessExchange(witness: key.verifier, checkpoint: try checkpoint(12), knownSize: 0)
        var step = exchange.start()
        var asked = 0
        while case .ask(let size) = step {
            asked += 1
            step = exchange.received(status: 409, body: Array("\(size % 2 + 1)\n".utf8))
        }
        #expect(asked == 4)
        #expect(step == .failed(.unavailable(status: 409)))
    }

    @Test(arguments: [
        "", "old 0\n", "old 0\n\n", "old -1\n\n", "old  1\n\n", "old 1 \n\n", "Old 1\n\n", "old 01\n\n",
        "old 1\r\n\r\n",
        "old 18446744073709551616\n\n",
    ])
    func otherRequestsAreRefused(head: String) throws {
        let rest =
            head.hasSuffix("\n\n") && head != "old 0\n\n"
            ? String(decoding: try checkpoint(3).bytes, as: UTF8.self) : ""
        #expect(throws: TransparencyLogError.self) { try AddCheckpointRequest(parsing: Array((head + rest).utf8)) }
    }

    @Test func proofsOfARequestAreBounded() throws {
        let signed = try checkpoint(3)
        let hashes = [MerkleHash](repeating: .emptyTree, count: 64)
        let full = body(1, signed, path: Array(hashes.dropLast()))
        #expect(try AddCheckpointRequest(parsing: full).bytes == full)
        expectRefusal(.badRequest) { try AddCheckpointRequest(parsing: body(1, signed, path: hashes)) }
    }
}
