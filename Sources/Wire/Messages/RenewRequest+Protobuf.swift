#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Wattest_V1_RenewRequest {
    init(challenge: [UInt8], request: [UInt8], signature: [UInt8]) {
        self.init()
        self.challenge = Data(challenge)
        self.certificateRequest = Data(request)
        self.signature = Data(signature)
    }
}

extension Wattest_V1_RenewReply {
    func challengeBytes() throws(IngestError) -> [UInt8] {
        guard case .challenge(let challenge) = self.reply, challenge.count == 32 else { throw self.failure }
        return Array(challenge)
    }

    func certificateBytes() throws(IngestError) -> [UInt8] {
        guard case .certificates(let certificates) = self.reply, !certificates.isEmpty else { throw self.failure }
        return Array(certificates)
    }

    private var failure: IngestError {
        guard case .refuse(let refuse) = self.reply else {
            return IngestError(.protocolViolation, "the reply to a renewal is not one")
        }
        return IngestError(.refused, "\(RefusalCode(refuse.code).rawValue): \(refuse.message)")
    }
}
