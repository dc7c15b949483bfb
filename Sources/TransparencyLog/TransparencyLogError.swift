// TransparencyLog owns the formats of a public, append-only log: hashes and proofs (RFC 6962, RFC 9162), signed notes,
// checkpoints, cosignatures, tiles, policies and the witness protocol (C2SP), and the same proofs as COSE receipts and
// DSSE envelopes. Bytes go in and out: no files, sockets, clocks or randomness. It imports Crypto and nothing else.

/// Why something of the log was refused, in one line: what, where, and what was expected.
///
/// The module refuses every second spelling of a value (base64 with stray bits, numbers with leading zeros, lines that
/// end in CR LF), because two spellings of one signed thing are two things to a hash.
package struct TransparencyLogError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        case badKey = "bad_key"
        case badNote = "bad_note"
        case badSignature = "bad_signature"
        /// No signature of a known key: the text says nothing that can be trusted.
        case unsigned
        case badCheckpoint = "bad_checkpoint"
        case badProof = "bad_proof"
        case badTile = "bad_tile"
        case badEntry = "bad_entry"
        case badPolicy = "bad_policy"
        /// Too few of the witnesses that the policy asks for cosigned.
        case noQuorum = "no_quorum"
        case badRequest = "bad_request"
        case badReceipt = "bad_receipt"
        case missingHash = "missing_hash"
    }

    package let code: Code
    package let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { "\(code.rawValue): \(reason)" }
}
