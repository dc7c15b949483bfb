import Identity
import Synchronization

/// One accepted connection: what the handshake has shown, and the challenge for a renewal.
final class PeerConnection: Sendable {
    private struct State {
        var peer: Peer?
        var refusal: HandshakeRefusal?
        var challenge: [UInt8]?
    }

    /// Unique in this process; streams carry it in their metadata (``ConnectionNumberHandler``).
    let number: UInt64
    let address: String
    private let state = Mutex(State())

    init(number: UInt64, address: String) {
        self.number = number
        self.address = address
    }

    /// nil until the client certificate has been verified.
    var peer: Peer? { self.state.withLock { $0.peer } }

    /// Set when verification has failed.
    var refusal: HandshakeRefusal? { self.state.withLock { $0.refusal } }

    /// Takes the verdict on the client's certificate.
    ///
    /// - Returns: whether the handshake goes on.
    func decide(_ verdict: CertificateVerdict, admitsExpired: Bool) -> Bool {
        let outcome: Result<Peer, HandshakeRefusalError> =
            switch verdict {
            case .trusted(let certificate): self.identify(certificate, isExpired: false)
            case .expired(let certificate) where admitsExpired: self.identify(certificate, isExpired: true)
            case .expired: .failure(HandshakeRefusalError(reason: .expired))
            // The server's clock decides; a certificate is issued with five minutes of slack.
            case .notYetValid: .failure(HandshakeRefusalError(reason: .expired))
            case .unknownAuthority, .wrongUse, .malformed: .failure(HandshakeRefusalError(reason: .unknownCA))
            }
        return self.state.withLock { state in
            switch outcome {
            case .success(let peer):
                state.peer = peer
                return true
            case .failure(let error):
                state.refusal = error.reason
                return false
            }
        }
    }

    private func identify(
        _ certificate: IdentityCertificate, isExpired: Bool
    ) -> Result<Peer, HandshakeRefusalError> {
        guard let peer = Peer(certificate, isExpired: isExpired, address: self.address) else {
            return .failure(HandshakeRefusalError(reason: .unknownCA))
        }
        return .success(peer)
    }

    /// A new challenge; the one before is void.
    func issueChallenge() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let challenge = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.state.withLock { $0.challenge = challenge }
        return challenge
    }

    /// Whether this is the connection's challenge; it is used up either way, so that it cannot be guessed at.
    func redeem(challenge: [UInt8]) -> Bool {
        self.state.withLock { state in
            defer { state.challenge = nil }
            return state.challenge == challenge
        }
    }
}

private struct HandshakeRefusalError: Error {
    let reason: HandshakeRefusal
}

/// The open connections, and how many there may be.
final class PeerConnections: Sendable {
    private struct State {
        var nextNumber: UInt64 = 0
        var openCount = 0
        var identified: [UInt64: PeerConnection] = [:]
    }

    private let state = Mutex(State())
    private let connectionsMax: Int

    init(connectionsMax: Int) {
        self.connectionsMax = connectionsMax
    }

    /// nil if there are too many; otherwise the caller owes a ``remove(_:)``.
    func open(address: String) -> PeerConnection? {
        let number: UInt64? = self.state.withLock { state in
            guard state.openCount < self.connectionsMax else { return nil }
            state.openCount += 1
            state.nextNumber += 1
            return state.nextNumber
        }
        return number.map { PeerConnection(number: $0, address: address) }
    }

    /// The handshake is over: streams may refer to the connection.
    func add(_ connection: PeerConnection) {
        self.state.withLock { $0.identified[connection.number] = connection }
    }

    func remove(_ connection: PeerConnection) {
        self.state.withLock { state in
            state.openCount -= 1
            state.identified[connection.number] = nil
        }
    }

    subscript(number: UInt64) -> PeerConnection? {
        self.state.withLock { $0.identified[number] }
    }

    var openCount: Int { self.state.withLock { $0.openCount } }
}
