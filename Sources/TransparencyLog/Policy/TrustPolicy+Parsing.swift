extension TrustPolicy {
    package static let maximumByteCount = 1 << 20

    /// Reads a policy file.
    ///
    /// - Throws: `bad_policy`, with the line number and the remedy.
    package init(parsing bytes: [UInt8]) throws(TransparencyLogError) {
        guard bytes.count <= Self.maximumByteCount else {
            throw TransparencyLogError(
                .badPolicy, "the policy has \(bytes.count) bytes, the limit is \(Self.maximumByteCount)")
        }
        var parser = PolicyParser()
        var lines = LineReader(bytes[...])
        while let line = lines.next() {
            do {
                try parser.read(line)
            } catch {
                throw TransparencyLogError(.badPolicy, "line \(lines.lineNumber): \(error.reason)")
            }
        }
        guard lines.isAtEnd else {
            throw TransparencyLogError(
                .badPolicy, "line \(lines.lineNumber + 1): no line feed at its end; the file may be cut")
        }
        self = try parser.policy()
    }
}

private struct PolicyParser {
    private var logs: [TrustPolicy.Log] = []
    private var witnesses: [TrustPolicy.Witness] = []
    private var groups: [TrustPolicy.Group] = []
    private var quorum: PolicyName??
    private var defined: Set<PolicyName> = []
    /// Names that are a member of some group already: each may count in one way only.
    private var used: Set<PolicyName> = []

    private static let none = PolicyName("none")

    mutating func read(_ line: ArraySlice<UInt8>) throws(TransparencyLogError) {
        guard line.allSatisfy({ $0 == 0x09 || (0x20...0x7E).contains($0) || $0 >= 0x80 }) else {
            throw refusal("has a control character; only space and tab may separate")
        }
        let fields = line.split { $0 == space || $0 == 0x09 }
        guard let keyword = fields.first, keyword.first != UInt8(ascii: "#") else { return }
        switch String(decoding: keyword, as: UTF8.self) {
        case "log": try readLog(fields.dropFirst())
        case "witness": try readWitness(fields.dropFirst())
        case "group": try readGroup(fields.dropFirst())
        case "quorum": try readQuorum(fields.dropFirst())
        default: throw refusal("\(Quoted(keyword)) is none of log, witness, group, quorum")
        }
    }

    private mutating func readLog(_ fields: ArraySlice<ArraySlice<UInt8>>) throws(TransparencyLogError) {
        let fields = Array(fields)
        guard (1...2).contains(fields.count) else { throw refusal("expected: log <vkey> [<url>]") }
        let key = try VerifierKey(parsing: String(decoding: fields[0], as: UTF8.self))
        guard key.type != .cosignature else {
            throw refusal("log \(Quoted(key.name)) has the key of a witness (type 4); a log signs with type 1")
        }
        guard !logs.contains(where: { $0.key.publicKey == key.publicKey }) else {
            throw refusal("log \(Quoted(key.name)) has the key of an earlier log")
        }
        logs.append(TrustPolicy.Log(key: key, url: Self.url(fields.dropFirst())))
    }

    private mutating func readWitness(_ fields: ArraySlice<ArraySlice<UInt8>>) throws(TransparencyLogError) {
        let fields = Array(fields)
        guard (2...3).contains(fields.count) else { throw refusal("expected: witness <name> <vkey> [<url>]") }
        let name = try define(fields[0])
        let key = try VerifierKey(parsing: String(decoding: fields[1], as: UTF8.self))
        guard key.type == .cosignature || key.type == .mlDSA44Cosignature else {
            throw refusal("witness \(name) has a key of type \(key.type.rawValue); a witness cosigns with type 4")
        }
        guard !witnesses.contains(where: { $0.key.publicKey == key.publicKey }) else {
            throw refusal("witness \(name) has the key of an earlier witness")
        }
        witnesses.append(TrustPolicy.Witness(name: name, key: key, url: Self.url(fields.dropFirst(2))))
    }

    private mutating func readGroup(_ fields: ArraySlice<ArraySlice<UInt8>>) throws(TransparencyLogError) {
        let fields = Array(fields)
        guard fields.count >= 3 else { throw refusal("expected: group <name> all|any|<k> <member>…") }
        var members: [PolicyName] = []
        for field in fields[2...] {
            let member = PolicyName(field)
            guard defined.contains(member) else { throw refusal("member \(member) is not defined above") }
            guard used.insert(member).inserted else { throw refusal("\(member) is a member of a group already") }
            members.append(member)
        }
        let threshold = try threshold(fields[1], of: members.count)
        groups.append(TrustPolicy.Group(name: try define(fields[0]), threshold: threshold, members: members))
    }

    private func threshold(_ field: ArraySlice<UInt8>, of count: Int) throws(TransparencyLogError) -> Int {
        switch String(decoding: field, as: UTF8.self) {
        case "all": return count
        case "any": return 1
        default:
            guard let number = CanonicalDecimal.parse(field), number >= 1, number <= UInt64(count) else {
                throw refusal("threshold \(Quoted(field)) is not all, any or a number from 1 to \(count)")
            }
            return Int(number)
        }
    }

    private mutating func readQuorum(_ fields: ArraySlice<ArraySlice<UInt8>>) throws(TransparencyLogError) {
        guard fields.count == 1, let field = fields.first else { throw refusal("expected: quorum <name>|none") }
        guard quorum == nil else { throw refusal("a second quorum line; a policy has exactly one") }
        let name = PolicyName(field)
        guard name == Self.none || defined.contains(name) else {
            throw refusal("quorum \(name) is not a witness or group defined above")
        }
        quorum = .some(name == Self.none ? nil : name)
    }

    private mutating func define(_ field: ArraySlice<UInt8>) throws(TransparencyLogError) -> PolicyName {
        let name = PolicyName(field)
        guard name != Self.none else { throw refusal("the name none is taken: it means no quorum") }
        guard defined.insert(name).inserted else { throw refusal("\(name) is defined already") }
        return name
    }

    func policy() throws(TransparencyLogError) -> TrustPolicy {
        guard let quorum else {
            throw refusal("the policy has no quorum line; 'quorum none' asks for no witness")
        }
        return TrustPolicy(logs: logs, witnesses: witnesses, groups: groups, quorum: quorum)
    }

    private static func url(_ fields: ArraySlice<ArraySlice<UInt8>>) -> String? {
        fields.first.map { String(decoding: $0, as: UTF8.self) }
    }

    private func refusal(_ reason: String) -> TransparencyLogError { TransparencyLogError(.badPolicy, reason) }
}
