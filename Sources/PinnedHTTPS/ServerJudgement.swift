import Identity
import NIOCore
import NIOSSL
import Synchronization

/// Judges the chain that a server presents, and remembers the verdict for the error that a person reads.
final class ServerJudgement: Sendable {
    private let server: NetworkAddress
    private let trust: ServerTrust
    private let now: @Sendable () -> Int64
    private let outcome = Mutex<Result<IdentityCertificate, PinnedHTTPSError>?>(nil)

    init(server: NetworkAddress, trust: ServerTrust, now: @escaping @Sendable () -> Int64) {
        self.server = server
        self.trust = trust
        self.now = now
    }

    /// The callback of the TLS handler.
    func judge(_ presented: [NIOSSLCertificate], _ promise: EventLoopPromise<NIOSSLVerificationResult>) {
        let chain = presented.compactMap { try? $0.toDERBytes() }
        promise.completeWithTask {
            let outcome: Result<IdentityCertificate, PinnedHTTPSError>
            do throws(PinnedHTTPSError) {
                outcome = .success(try await self.authority(of: chain))
            } catch {
                outcome = .failure(error)
            }
            self.outcome.withLock { $0 = outcome }
            if case .success = outcome { return .certificateVerified }
            return .failed
        }
    }

    /// The authority of a believed server.
    func result() throws(PinnedHTTPSError) -> IdentityCertificate {
        guard let outcome = self.outcome.withLock({ $0 }) else {
            throw PinnedHTTPSError(.untrustedServer, "\(self.server): the server has shown no certificate")
        }
        return try outcome.get()
    }

    /// The verdict if that is why the exchange failed, else the failure of the network.
    func explain(_ error: any Error) -> PinnedHTTPSError {
        if case .failure(let verdict) = self.outcome.withLock({ $0 }) { return verdict }
        if let error = error as? PinnedHTTPSError { return error.at(self.server) }
        return PinnedHTTPSError(
            .unreachable, "\(self.server): no connection: \(error): check the address and that the server runs")
    }

    private func authority(of chain: [[UInt8]]) async throws(PinnedHTTPSError) -> IdentityCertificate {
        let authority = try self.root(of: chain)
        let trust = CertificateTrust(authority: authority)
        let problem: String
        switch await trust.judge(chain: chain, use: .server(host: self.server.host), now: self.now()) {
        case .trusted: return authority
        case .expired: problem = "its certificate has run out: renew it on the server, or set this machine's clock"
        case .notYetValid: problem = "its certificate is not valid yet: set this machine's clock"
        case .unknownAuthority: problem = "its certificate is not issued by the expected authority"
        case .wrongUse:
            problem = "its certificate is not for '\(self.server.host)': use a name or address that it lists"
        case .malformed: problem = "its certificate cannot be read"
        }
        throw PinnedHTTPSError(.untrustedServer, "\(self.server): the server is not trusted: \(problem)")
    }

    private func root(of chain: [[UInt8]]) throws(PinnedHTTPSError) -> IdentityCertificate {
        let expected: [UInt8]
        switch self.trust {
        case .authority(let authority): return authority
        case .pinned(let sha256): expected = sha256
        }
        let certificates = chain.compactMap { try? IdentityCertificate(der: $0) }
        if let pinned = certificates.first(where: { $0.sha256 == expected }) { return pinned }
        let seen = certificates.map { Self.hex($0.sha256) }.joined(separator: ", ")
        throw PinnedHTTPSError(
            .wrongAuthority,
            "\(self.server): no certificate of the server has the SHA-256 \(Self.hex(expected)); it shows "
                + "\(seen.isEmpty ? "none" : seen): compare the hash with the one that the operator gave")
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// Why an exchange failed: one line with the place and the remedy.
package struct PinnedHTTPSError: Error, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// No connection, or it was lost.
        case unreachable
        /// The pinned certificate is not among those presented.
        case wrongAuthority
        /// The certificate is out of its time, for another host, or of another authority.
        case untrustedServer
        /// No whole reply in time.
        case timeout
        /// The reply is larger than ``PinnedHTTPS/replyBytesMax`` or not HTTP.
        case badReply
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    func at(_ server: NetworkAddress) -> PinnedHTTPSError {
        self.description.hasPrefix("\(server): ") ? self : PinnedHTTPSError(self.code, "\(server): \(self.description)")
    }
}
