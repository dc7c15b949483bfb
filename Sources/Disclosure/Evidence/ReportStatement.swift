import Batches
import Energy
package import JSONText
package import TransparencyLog

/// An issued disclosure as an in-toto statement in a DSSE envelope, for tools that know neither notes nor this log.
///
/// The subject is the disclosure's JSON by its digest, the predicate carries it with its number, the index of its
/// entry in the log and a checkpoint that covers that entry. Signed by the administration key and by the log's.
package struct ReportStatement: Sendable {
    package static let payloadType = "application/vnd.in-toto+json"
    package static let statementType = "https://in-toto.io/Statement/v1"
    /// A tag URI: a name that nobody has to host.
    package static let predicateType = "tag:wattest.example,2026:disclosure/v1"

    package let number: Int64
    /// Of the disclosure's bytes.
    package let sha256: MerkleHash
    package let disclosure: JSONValue
    package let envelope: DSSEEnvelope
    /// What stands around the disclosure: facts of the log that nobody recomputes.
    private let frame: JSONValue

    /// Signs what was issued.
    ///
    /// - Parameters:
    ///   - issued: the document as it was issued, with number, issued_at, index and disclosure.
    ///   - checkpoint: a checkpoint of the log that covers the report's entry.
    package init(
        issued: JSONValue, checkpoint: [UInt8], logKey: VerifierKey, signedBy keys: [SigningKey]
    ) throws(TransparencyLogError) {
        let disclosure = issued["disclosure"] ?? .null
        let sha256 = MerkleHash.sha256(of: disclosure.rendered(.pretty))
        var predicate = JSONObject()
        for name in ["number", "issued_at", "supersedes", "reason", "index"] {
            predicate.append(name, issued[name] ?? .null)
        }
        predicate.append("log_vkey", .string(logKey.text))
        predicate.append("checkpoint", .string(String(decoding: checkpoint, as: UTF8.self)))
        predicate.append("disclosure", disclosure)
        let statement: JSONValue = [
            "_type": .string(Self.statementType),
            "subject": [["name": "disclosure.json", "digest": ["sha256": .string(sha256.hexadecimal)]]],
            "predicateType": .string(Self.predicateType), "predicate": .object(predicate),
        ]
        number = issued["number"]?.int64 ?? 0
        self.sha256 = sha256
        self.disclosure = disclosure
        frame = .object(predicate)
        envelope = try DSSEEnvelope(
            payloadType: Self.payloadType, payload: statement.rendered(.compact), signedBy: keys)
    }

    /// Reads an envelope. Who signed it is not checked here.
    ///
    /// - Throws: `report` for anything that is not such a statement, or whose disclosure is not the one of its digest.
    package init(parsing bytes: [UInt8], place: String) throws(ReplayFailure) {
        func failure(_ what: String) -> ReplayFailure { ReplayFailure(.report, at: place, what) }
        guard let json = try? JSONValue(parsing: bytes), let type = json["payloadType"]?.string,
            let payload = json["payload"]?.string.flatMap({ Base64.decode($0) })
        else { throw failure("it is not a DSSE envelope") }
        var signatures: [DSSEEnvelope.Signature] = []
        for item in json["signatures"]?.array ?? [] {
            guard let value = item["sig"]?.string.flatMap({ Base64.decode($0) }) else {
                throw failure("a signature is not base64")
            }
            signatures.append(DSSEEnvelope.Signature(keyID: item["keyid"]?.string ?? "", value: value))
        }
        guard type == Self.payloadType, let statement = try? JSONValue(parsing: payload),
            statement["_type"]?.string == Self.statementType,
            statement["predicateType"]?.string == Self.predicateType,
            let predicate = statement["predicate"], let number = predicate["number"]?.int64,
            let disclosure = predicate["disclosure"], let subjects = statement["subject"]?.array, subjects.count == 1,
            let stated = subjects[0]["digest"]?["sha256"]?.string
        else { throw failure("its payload is not an in-toto statement of a disclosure") }
        let sha256 = MerkleHash.sha256(of: disclosure.rendered(.pretty))
        guard sha256.hexadecimal == stated else {
            throw ReplayFailure(
                .report, at: place, "the disclosure in it is not the one of its digest", expected: stated,
                found: sha256.hexadecimal)
        }
        self.number = number
        self.sha256 = sha256
        self.disclosure = disclosure
        frame = predicate
        envelope = DSSEEnvelope(payloadType: type, payload: payload, signatures: signatures)
    }

    /// Holds the statement to a verified log.
    ///
    /// - Returns: what is proved.
    func verify(
        genesis: (administration: VerifierKey, log: VerifierKey), issues: [ReportRegister.Issue], place: String
    ) throws(ReplayFailure) -> String {
        let signers = (try? envelope.signers(among: [genesis.administration, genesis.log])) ?? []
        guard signers.contains(where: { $0 == genesis.administration }) else {
            throw ReplayFailure(
                .report, at: place, "the statement is not signed by the administration key of the log",
                expected: "\(genesis.administration.name)+\(genesis.administration.keyIDHexadecimal)",
                found: envelope.signatures.first?.keyID)
        }
        guard let issue = issues.first(where: { $0.entry.number == number }) else {
            throw ReplayFailure(
                .report, at: place, "the log has no report \(number): what was never logged was never issued")
        }
        guard issue.entry.sha256 == sha256.bytes else {
            throw ReplayFailure(
                .report, at: place, "it is another report \(number) than the one in entry \(issue.index)",
                expected: Hexadecimal.encode(issue.entry.sha256), found: sha256.hexadecimal)
        }
        try checkFrame(issue, place)
        let both = signers.contains { $0 == genesis.log } ? "administration and log keys" : "administration key"
        return "\(place) is report \(number) of entry \(issue.index), signed by the \(both)"
    }

    /// An operator could hand out one report as the correction of another, and to others as the first of its period.
    private func checkFrame(_ issue: ReportRegister.Issue, _ place: String) throws(ReplayFailure) {
        let logged: [(name: String, value: JSONValue)] = [
            ("index", .string("\(issue.index)")), ("issued_at", .string(TimeText.rfc3339(issue.entry.time))),
            ("supersedes", issue.entry.supersedes.map { .integer($0) } ?? .null),
            ("reason", issue.entry.reason.map { .string($0) } ?? .null),
        ]
        for (name, value) in logged where (frame[name] ?? .null) != value {
            throw ReplayFailure(
                .report, at: place, "its \(name) is not what entry \(issue.index) of the log says",
                expected: value.text(), found: frame[name]?.text())
        }
    }

    /// The checkpoint in it, by which it can be found in the log, and the key that it names for that.
    func citation(_ place: String) throws(ReplayFailure) -> (checkpoint: SignedCheckpoint, key: String) {
        guard let text = frame["checkpoint"]?.string, let key = frame["log_vkey"]?.string,
            let checkpoint = try? SignedCheckpoint(parsing: Array(text.utf8))
        else { throw ReplayFailure(.report, at: place, "it cites no checkpoint of the log") }
        return (checkpoint, key)
    }
}
