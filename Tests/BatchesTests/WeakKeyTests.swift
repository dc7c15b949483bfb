import Batches
import Energy
import Testing
import TransparencyLog

/// Public keys under which more than their owner signs, or which have two spellings, are refused at each place that
/// takes a key in.
@Suite struct WeakKeyTests {
    private static func point(_ low: UInt8, _ fill: UInt8, _ high: UInt8) -> [UInt8] {
        [low] + Array(repeating: fill, count: 30) + [high]
    }

    /// Small order: y of 0, 1, −1 and the two of order 8, each with both signs; not reduced: p, p + 1, 2²⁵⁵ − 1.
    static let points: [[UInt8]] = [UInt8(0), 0x80].flatMap { sign in
        let eighth: [[UInt8]] = [
            [
                0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0, 0xD5,
                0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
            ],
            [
                0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F, 0x2A,
                0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
            ],
        ]
        return [
            point(0, 0, sign), point(1, 0, sign), point(0xEC, 0xFF, 0x7F | sign), point(0xED, 0xFF, 0x7F | sign),
            point(0xEE, 0xFF, 0x7F | sign), point(0xFF, 0xFF, 0x7F | sign),
        ] + eighth.map { $0.dropLast() + [$0[31] | sign] }
    }

    /// The verifier key as somebody would write it who does not check.
    static func text(_ name: String, _ key: [UInt8], type: UInt8 = 1) -> String {
        let id = MerkleHash.sha256(of: Array(name.utf8) + [0x0A, type] + key).bytes.prefix(4)
        return "\(name)+\(Hexadecimal.encode(Array(id)))+\(Base64.encode([type] + key))"
    }

    private let administration: SigningKey
    private let log: SigningKey
    private let genesis: GenesisEntry

    init() throws {
        administration = try SigningKey(name: "log.example/a/admin", seed: Array(repeating: 1, count: 32))
        log = try SigningKey(name: "log.example/a", seed: Array(repeating: 2, count: 32))
        genesis = GenesisEntry(
            log: "log.example/a", time: UTCTime(hour: 1), slug: "a", organization: "A", logKey: log.verifier.text,
            administrationKey: administration.verifier.text, selfWitnessKey: "x", salt: Array(repeating: 1, count: 16))
    }

    @Test(arguments: points) func theHelperWritesWhatAnHonestKeyReads(_ point: [UInt8]) throws {
        let honest = log.verifier
        #expect(Self.text(honest.name, honest.publicKey) == honest.text)
    }

    @Test(arguments: points) func aGenesisEntryNamesNone(_ point: [UInt8]) {
        var weak = genesis
        weak.logKey = Self.text("log.example/a", point)
        #expect(throws: TransparencyLogError.self) { try SignerRegister(genesis: weak) }
        weak = genesis
        weak.administrationKey = Self.text("log.example/a/admin", point)
        #expect(throws: TransparencyLogError.self) { try SignerRegister(genesis: weak) }
    }

    @Test(arguments: points) func noNodeIsEnrolledOrRotatedUnderOne(_ point: [UInt8]) throws {
        var signers = try SignerRegister(genesis: genesis)
        var entry = NodeEntry(
            log: "log.example/a", time: UTCTime(hour: 1), action: .enrol, node: "n1", role: .node, site: "s",
            key: Self.text("n1", point), salt: Array(repeating: 1, count: 16))
        #expect(signers.apply(entry, at: 1)?.code == .badSyntax)
        entry.key = try SigningKey(name: "n1", seed: Array(repeating: 3, count: 32)).verifier.text
        #expect(signers.apply(entry, at: 1) == nil)
        entry.action = .rotate
        entry.key = Self.text("n1", point)
        entry.position = ChainPosition(incarnation: 1, sequence: 1)
        #expect(signers.apply(entry, at: 2)?.code == .badSyntax)
    }

    @Test(arguments: points) func noLogChangesToOne(_ point: [UInt8]) throws {
        var signers = try SignerRegister(genesis: genesis)
        var entry = LogKeyEntry(
            log: "log.example/a", time: UTCTime(hour: 1), previous: log.verifier.text,
            key: Self.text("log.example/a", point), by: "o", reason: "r", salt: Array(repeating: 1, count: 16),
            consent: [])
        entry.consent = try administration.rawSignature(for: entry.consentMessage)
        #expect(signers.apply(entry, at: 1)?.code == .badSyntax)
        var succession = LogKeySuccession(origin: "log.example/a", pinned: log.verifier)
        #expect(throws: TransparencyLogError.self) { try succession.follow([try log.sign(entry.text).bytes]) }
        #expect(succession.keys.count == 1)
    }

    @Test(arguments: points) func noPolicyTrustsOne(_ point: [UInt8]) {
        let honest = log.verifier.text
        #expect(throws: TransparencyLogError.self) {
            try TrustPolicy(parsing: Array("log \(Self.text("log.example/a", point))\nquorum none\n".utf8))
        }
        #expect(throws: TransparencyLogError.self) {
            try TrustPolicy(
                parsing: Array(
                    "log \(honest)\nwitness w \(Self.text("w.example", point, type: 4)) https://w.example\nquorum w\n"
                        .utf8))
        }
    }
}
