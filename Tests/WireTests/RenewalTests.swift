import Crypto
import Identity
import Testing

@testable import Wire

@Suite(.timeLimit(.minutes(2))) struct RenewalTests {
    private let loopback: Loopback
    private let signingKey = Curve25519.Signing.PrivateKey()

    init() throws {
        self.loopback = try Loopback()
    }

    /// As an aggregator does it: the signing key decides, the name comes from the old certificate.
    private var handlers: IngestHandlers {
        let (authority, key) = (self.loopback.authority, self.signingKey.publicKey)
        return IngestHandlers(
            stream: IngestHandlers.acknowledging.stream,
            renew: { peer, renewal in
                guard key.isValidSignature(renewal.signature, for: renewal.signedBytes) else {
                    return .refused(code: .badSignature, message: "not signed by the key of \(peer.node)")
                }
                guard
                    let certificate = try? authority.issueClient(
                        request: renewal.request, node: peer.node, now: clock())
                else { return .refused(code: .badSyntax, message: "not a certificate request") }
                return .issued(certificates: certificate.pem + authority.certificate.pem)
            })
    }

    @Test(arguments: [0, 100])
    func certificateIsRenewedAlsoWhenItHasRunOut(_ age: Int64) async throws {
        try await withServer(try self.loopback.serverConfiguration(), self.handlers) { server, address in
            let client = try self.loopback.client(address, node: "gpu-3", issued: clock() - age * day)
            let key = IdentityKey()
            let pem = try await client.renew(request: key.request(node: "gpu-3")) { bytes in
                Array(try self.signingKey.signature(for: bytes))
            }
            let chain = try IdentityCertificate.chain(pem: pem)
            #expect(chain.count == 2)
            #expect(chain[0].commonName == "gpu-3")
            #expect(server.refusals[.expired] == 0)
            // The new certificate opens a stream.
            let renewed = try IngestClient(
                configuration: IngestClient.Configuration(
                    server: address, certificatesPEM: pem, keyPEM: key.pem,
                    authority: self.loopback.authority.certificate))
            try await greet(renewed)
        }
    }

    @Test func anotherSigningKeyIsRefused() async throws {
        try await withServer(try self.loopback.serverConfiguration(), self.handlers) { _, address in
            let client = try self.loopback.client(address)
            let error = await #expect(throws: IngestError.self) {
                try await client.renew(request: IdentityKey().request(node: "node-1")) { bytes in
                    Array(try Curve25519.Signing.PrivateKey().signature(for: bytes))
                }
            }
            #expect(error?.code == .refused)
            #expect(error?.description.contains("BAD_SIGNATURE") == true)
        }
    }

    @Test func challengeIsGoodOnceAndForItsConnection() {
        let first = PeerConnection(number: 1, address: "a")
        let second = PeerConnection(number: 2, address: "b")
        #expect(!first.redeem(challenge: []))
        let challenge = first.issueChallenge()
        #expect(challenge.count == 32)
        #expect(!second.redeem(challenge: challenge))
        #expect(first.redeem(challenge: challenge))
        #expect(!first.redeem(challenge: challenge))
        // A wrong guess uses it up.
        let next = first.issueChallenge()
        #expect(next != challenge)
        #expect(!first.redeem(challenge: challenge))
        #expect(!first.redeem(challenge: next))
    }
}
