import Testing
import TransparencyLog

@Suite struct WitnessVectors {
    struct Session: Decodable {
        struct Request: Decodable {
            var requestBody: String
            var status: Int
            var assert: String
        }
        var logPublicKeyHex: String
        var witnessName: String
        var requestsInOrder: [Request]
    }

    @Test func litewitnessSession() throws {
        let session: Session = try VectorFile.decode("torchwood-litewitness/add-checkpoint-session.json")
        let logKey = try #require(Hexadecimal.decode(session.logPublicKeyHex))
        let origin = "sigsum.org/v1/tree/\(MerkleHash.sha256(of: logKey).hexadecimal)"
        let log = try VerifierKey(name: origin, type: .ed25519, publicKey: logKey)
        let key = try CosigningKey(name: session.witnessName, seed: [UInt8](repeating: 7, count: 32))
        var state = WitnessState(key: key, logs: [WitnessState.Log(origin: origin, keys: [log])])
        for (number, request) in session.requestsInOrder.enumerated() {
            var body = Array(request.requestBody.utf8)
            if number == 1 {
                // The bad signature of this request has stray base64 bits: a second spelling, refused before it is
                // checked. In its one spelling it is a bad signature.
                #expect(status(of: state.decide(body, time: 1)) == 400)
                body = Array(request.requestBody.replacing("WVrx6gx=", with: "WVrx6gw=").utf8)
            }
            #expect(try AddCheckpointRequest(parsing: body).bytes == body)
            let answer: WitnessState.Answer
            switch state.decide(body, time: 1_760_000_000 + UInt64(number)) {
            case .refuse(let refusal):
                answer = refusal
            case .accept(let update):
                answer = update.answer
                let isPersisted = state.persisted(update)
                #expect(isPersisted)
                _ = try update.checkpoint.verify(origin: origin, log: log, witnesses: [key.verifier])
            }
            // That version said 403 where the specification now says 404.
            let want = request.assert.contains("unknown log") ? 404 : request.status
            #expect(answer.status == want, "request \(number + 1)")
            check(request.assert, answer)
        }
        #expect(state.head(of: origin).size == 5)
    }

    private func status(of decision: WitnessState.Decision) -> Int {
        switch decision {
        case .refuse(let answer): answer.status
        case .accept(let update): update.answer.status
        }
    }

    private func check(_ assertion: String, _ answer: WitnessState.Answer) {
        let body = String(decoding: answer.body, as: UTF8.self)
        let quoted = assertion.split(separator: "\"")[1]
        if assertion.hasPrefix("body ==") {
            #expect(body == quoted.replacing("\\n", with: "\n"))
            #expect(answer.contentType == "text/x.tlog.size")
        } else {
            #expect(body.contains(quoted))
        }
    }

    @Test func c2spRequestExample() throws {
        let bytes = try VectorFile.bytes("c2sp/witness-add-checkpoint-request-example.txt")
        let request = try AddCheckpointRequest(parsing: bytes)
        #expect(request.oldSize == 20_852_014)
        #expect(request.path.count == 4)
        #expect(request.checkpoint.note.signatures.count == 2)
        #expect(request.bytes == bytes)
    }

    /// Another call of the protocol, optional and not offered.
    @Test func signSubtreeRequestIsNoAddCheckpoint() throws {
        let bytes = try VectorFile.bytes("c2sp/sign-subtree-request-example.txt")
        expectRefusal(.badRequest) { try AddCheckpointRequest(parsing: bytes) }
    }
}
