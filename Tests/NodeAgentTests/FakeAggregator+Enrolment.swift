import Batches
import Identity
import TransparencyLog

@testable import NodeAgent

extension FakeAggregator {
    /// Enrols node `n1`: what its agent keeps of that.
    func enrolment(in directory: String) throws -> Enrolment {
        let (incarnation, leaf) = enrol("n1")
        return try enrolment(in: directory, incarnation, leaf)
    }

    /// The same of a node that is enrolled already.
    func enrolment(in directory: String, _ incarnation: Int64, _ leaf: MerkleHash) throws -> Enrolment {
        let reply: String = """
            {"log": "\(Self.origin)", "log_vkey": "\(logKey.verifier.text)", "node": "n1",
             "site": "s", "ingest": "127.0.0.1:1", "incarnation": "\(incarnation)", "leaf": "\(leaf.base64)",
             "job_salt": "\(Base64.encode(jobSalt))", "interval_seconds": 30}
            """
        return Enrolment(
            directory: directory, role: .node, server: "", reply: try EnrolmentReply(parsing: Array(reply.utf8)),
            signingKey: try SigningKey(name: "n1", seed: Array(repeating: 5, count: 32)),
            authority: authority.certificate)
    }
}
