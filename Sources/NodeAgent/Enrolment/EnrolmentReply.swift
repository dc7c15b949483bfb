import Batches
import Identity
import JSONText
import TransparencyLog

/// What the aggregator answers to `POST /v1/enroll`, and what `agent.json` keeps of it.
struct EnrolmentReply: Sendable {
    var log: String
    var logKey: VerifierKey
    var node: String
    var site: String
    var ingest: NetworkAddress
    var incarnation: Int64
    var leaf: MerkleHash
    var jobSalt: [UInt8]
    var intervalSeconds: Int64
    /// PEM; in the server's answer only.
    var certificate: String?
    var authority: String?
    var checkpoint: String?
    /// In `agent.json` only.
    var role: NodeEntry.Role?
    var server: String?

    /// - Throws: `refused` with the member that is missing or wrong.
    init(parsing bytes: [UInt8]) throws(AgentError) {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw AgentError(.refused, "the answer to the enrolment is not JSON: \(error)")
        }
        log = try Self.member("log", of: json) { $0.string }
        logKey = try Self.member("log_vkey", of: json) { $0.string.flatMap { try? VerifierKey(parsing: $0) } }
        node = try Self.member("node", of: json) { $0.string }
        site = json["site"]?.string ?? ""
        ingest = try Self.member("ingest", of: json) { $0.string.flatMap { NetworkAddress($0) } }
        incarnation = try Self.member("incarnation", of: json) { $0.decimalString ?? $0.int64 }
        leaf = try Self.member("leaf", of: json) { $0.string.flatMap { MerkleHash(base64: $0) } }
        jobSalt = try Self.member("job_salt", of: json) {
            $0.string.flatMap { Base64.decode($0) }.flatMap { $0.count == 16 ? $0 : nil }
        }
        let interval = json["interval_seconds"]?.int64 ?? 30
        guard Batch.intervalSecondsRange.contains(Int(clamping: interval)) else {
            throw AgentError(.refused, "the answer to the enrolment: interval_seconds \(interval) is not 5 to 300")
        }
        intervalSeconds = interval
        certificate = json["certificate"]?.string
        authority = json["ca"]?.string
        checkpoint = json["checkpoint"]?.string
        role = json["role"]?.string.flatMap { NodeEntry.Role(rawValue: $0) }
        server = json["server"]?.string
    }

    private static func member<Value>(
        _ name: String, of json: JSONValue, _ read: (JSONValue) -> Value?
    ) throws(AgentError) -> Value {
        guard let value = json[name].flatMap(read) else {
            throw AgentError(.refused, "the answer to the enrolment: `\(name)` is missing or not what it should be")
        }
        return value
    }

    /// What is kept, without certificates.
    func record(role: NodeEntry.Role, server: String) -> JSONValue {
        [
            "log": .string(log), "log_vkey": .string(logKey.text), "node": .string(node),
            "role": .string(role.rawValue), "site": .string(site), "server": .string(server),
            "ingest": .string("\(ingest)"), "incarnation": .decimalString(incarnation), "leaf": .string(leaf.base64),
            "job_salt": .string(Base64.encode(jobSalt)), "interval_seconds": .integer(intervalSeconds),
        ]
    }
}
