import Batches
import Energy
import Testing
import TransparencyLog

/// The life of signing keys: what each may still say, and what nobody can make it say again.
@Suite struct SignerRegisterTests {
    private let origin = "log.example/org/a"
    private let keys: [SigningKey]
    private var register: SignerRegister

    init() throws {
        let origin = self.origin
        keys = try (1...4).map { try SigningKey(name: "n1", seed: Array(repeating: UInt8($0), count: 32)) }
        let log = try SigningKey(name: origin, seed: Array(repeating: 10, count: 32))
        let admin = try SigningKey(name: "\(origin)/admin", seed: Array(repeating: 11, count: 32))
        let cosigner = try CosigningKey(name: "\(origin)/self", seed: Array(repeating: 12, count: 32))
        register = try SignerRegister(
            genesis: GenesisEntry(
                log: origin, time: UTCTime(microseconds: 0), slug: "a", organization: "A", logKey: log.verifier.text,
                administrationKey: admin.verifier.text, selfWitnessKey: cosigner.verifier.text,
                salt: Array(repeating: 0, count: 16)))
    }

    private func entry(
        _ action: NodeEntry.Action, _ key: Int, _ position: ChainPosition? = nil, cutoff: Int64? = nil
    ) -> NodeEntry {
        NodeEntry(
            log: origin, time: UTCTime(microseconds: 0), action: action, node: "n1", role: .node, site: "s",
            key: keys[key].verifier.text, position: position, cutoffIndex: cutoff,
            salt: Array(repeating: 0, count: 16))
    }

    private func place(_ sequence: Int64, in incarnation: Int64 = 1) -> ChainPosition {
        ChainPosition(incarnation: incarnation, sequence: sequence)
    }

    /// The number of the key that counts at a place, or the code of the refusal.
    private func found(_ position: ChainPosition?, at index: Int64 = 100) -> String {
        switch register.key(of: "n1", at: position, index: index) {
        case .success(let key): "\(keys.firstIndex { $0.verifier == key } ?? -1)"
        case .failure(let refusal): refusal.code.rawValue
        }
    }

    @Test mutating func rotationSplitsTheChain() {
        #expect(register.apply(entry(.enrol, 0), at: 1) == nil)
        #expect(register.apply(entry(.rotate, 1, place(7)), at: 20) == nil)
        #expect([found(place(6)), found(place(7)), found(place(0, in: 30)), found(nil)] == ["0", "1", "1", "1"])
        // The same entry again changes nothing, and is judged by the key that signed it.
        #expect(register.apply(entry(.rotate, 1, place(7)), at: 20) == nil)
        #expect(register.signers["n1"]?.keys.count == 2)
        #expect(register.key(ofRotation: entry(.rotate, 1, place(7)), index: 50) == .success(keys[0].verifier))
    }

    /// Whoever has a key that was rotated away signs for earlier places with it; it must not win by naming one.
    @Test mutating func rotatedKeyCannotTakeOver() {
        _ = register.apply(entry(.enrol, 0), at: 1)
        _ = register.apply(entry(.rotate, 1, place(7)), at: 20)
        #expect(register.apply(entry(.rotate, 2, place(3)), at: 30)?.code == .retiredKey)
        #expect(register.apply(entry(.rotate, 0, place(9)), at: 31)?.code == .retiredKey)
        #expect(found(place(8)) == "1")
    }

    @Test mutating func revokedKeyKeepsWhatIsTrusted() {
        _ = register.apply(entry(.enrol, 0), at: 1)
        #expect(register.apply(entry(.revoke, 0, place(5), cutoff: 200), at: 90) == nil)
        #expect([found(place(5)), found(place(6)), found(place(0, in: 50))] == ["0", "RETIRED_KEY", "RETIRED_KEY"])
        // From the cut-off on nothing older is taken either, and it opens no chain.
        #expect([found(place(5), at: 200), found(nil)] == ["RETIRED_KEY", "RETIRED_KEY"])
        // Nor does it name a successor, at a trusted place.
        #expect(register.apply(entry(.rotate, 1, place(4)), at: 91)?.code == .retiredKey)
        #expect(register.signers["n1"]?.currentKey == nil)
    }

    @Test(arguments: [NodeEntry.Action.revoke, .retire])
    mutating func comesBackWithANewKeyOnly(end: NodeEntry.Action) {
        _ = register.apply(entry(.enrol, 0), at: 1)
        #expect(register.apply(entry(.enrol, 1), at: 2)?.code == .badSyntax)
        _ = register.apply(entry(end, 0, end == .revoke ? place(5) : nil), at: 90)
        #expect(register.apply(entry(.enrol, 0), at: 95)?.code == .retiredKey)
        #expect(register.apply(entry(.enrol, 2), at: 96) == nil)
        #expect([found(place(0, in: 96)), found(nil)] == ["2", "2"])
        #expect(found(place(6)) == "RETIRED_KEY")
        #expect(found(place(5)) == (end == .revoke ? "0" : "RETIRED_KEY"))
    }

    /// Keys that accept one signature for many texts, or that have two spellings, name nobody (RFC 8032, section 5.1).
    @Test(arguments: [
        Array(repeating: UInt8(0), count: 32), [1] + Array(repeating: 0, count: 31),
        [0xEC] + Array(repeating: 0xFF, count: 30) + [0x7F], [0xEE] + Array(repeating: 0xFF, count: 30) + [0x7F],
    ]) mutating func weakKeysAreRefused(bytes: [UInt8]) {
        let text = "n1+00000000+\(Base64.encode([1] + bytes))"
        var weak = entry(.enrol, 0)
        weak.key = text
        #expect(register.apply(weak, at: 1)?.code == .badSyntax)
        #expect(throws: TransparencyLogError.self) { try VerifierKey(name: "n1", type: .ed25519, publicKey: bytes) }
    }
}
