import Testing

@testable import Sensors

private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8).filter { $0 != 32 }
    return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
    }
}

@Suite struct CipherSuite3Tests {
    /// FIPS 180-4 examples and RFC 2202 test cases.
    @Test func sha1() {
        #expect(SHA1.hash([]) == bytes("da39a3ee5e6b4b0d3255bfef95601890afd80709"))
        #expect(SHA1.hash(Array("abc".utf8)) == bytes("a9993e364706816aba3e25717850c26c9cd0d89d"))
        #expect(
            SHA1.hash(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == bytes("84983e441c3bd26ebaae4aa1f95129e5e54670f1"))
        #expect(SHA1.hash([UInt8](repeating: 97, count: 1_000)) == bytes("291e9a6c66994949b57ba5e650361e98fc36b1ba"))
        #expect(
            SHA1.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
                == bytes("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"))
        #expect(
            SHA1.authenticate(
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                key: [UInt8](repeating: 0xAA, count: 80))
                == bytes("aa4ae5e15272d00e95705637ce8a3b55ed402112"))
    }

    /// FIPS 197 appendix C.1 and NIST SP 800-38A F.2.1.
    @Test func aes128() {
        let cipher = AES128(key: bytes("000102030405060708090a0b0c0d0e0f"))
        let block = bytes("00112233445566778899aabbccddeeff")
        #expect(cipher.encrypt(block: block) == bytes("69c4e0d86a7b0430d8cdb78070b4c55a"))
        #expect(cipher.decrypt(block: cipher.encrypt(block: block)) == block)
        let chained = AES128(key: bytes("2b7e151628aed2a6abf7158809cf4f3c"))
        let plain = bytes("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51")
        let vector = bytes("000102030405060708090a0b0c0d0e0f")
        let secret = bytes("7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2")
        #expect(chained.encrypt(plain, vector: vector) == secret)
        #expect(chained.decrypt(secret, vector: vector) == plain)
    }
}

/// A BMC after the specification, made from its own reading of it.
private struct FakeBMC {
    let password: [UInt8]
    let id: [UInt8] = [9, 8, 7, 6]
    let random = [UInt8](repeating: 0xB0, count: 16)
    let guid = [UInt8](repeating: 0x6D, count: 16)
    var consoleID: [UInt8] = []
    var names: [UInt8] = []
    var consoleRandom: [UInt8] = []
    var key: [UInt8] = []

    private func packet(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [6, 0, 0xFF, 7, 6, type, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(payload.count), 0] + payload
    }

    mutating func open(_ request: [UInt8]) -> [UInt8] {
        consoleID = Array(request[20..<24])
        let algorithms = Array(request[24..<48])
        return packet(0x11, [0, 0, 2, 0] + consoleID + id + algorithms)
    }

    mutating func challenge(_ request: [UInt8]) -> [UInt8] {
        consoleRandom = Array(request[24..<40])
        names = [request[40], request[43]] + request[44...]
        key = SHA1.authenticate(consoleRandom + random + names, key: password)
        return packet(
            0x13,
            [1, 0, 0, 0] + consoleID + random + guid
                + SHA1.authenticate(consoleID + id + consoleRandom + random + guid + names, key: password))
    }

    func proof(_ request: [UInt8]) -> [UInt8] {
        let isRight = Array(request[24..<44]) == SHA1.authenticate(random + consoleID + names, key: password)
        return packet(
            0x15,
            [2, isRight ? 0 : 0x0F, 0, 0] + consoleID
                + SHA1.authenticate(consoleRandom + id + guid, key: key)[..<12])
    }
}

@Suite struct LANSessionTests {
    private func opened(password: String = "test", bmcPassword: String = "test") throws -> (LANSession, FakeBMC) {
        let account = try #require(LANSession.Account(user: "ipmiusr", password: Array(password.utf8)))
        var session = LANSession(account: account, random: [UInt8](1...20))
        var bmc = FakeBMC(password: Array(bmcPassword.utf8))
        try session.takeOpenResponse(bmc.open(session.openRequest()))
        try session.takeChallengeResponse(bmc.challenge(session.challenge()))
        try session.takeProofResponse(bmc.proof(session.proof()))
        return (session, bmc)
    }

    @Test func opensAndRefusesAWrongPassword() throws {
        _ = try opened()
        #expect(throws: LANSession.Refusal.unauthentic) { try opened(bmcPassword: "other") }
    }

    /// Every cut or changed packet is refused, and none crashes.
    @Test func damagedAnswersAreRefused() throws {
        let account = try #require(LANSession.Account(user: "u", password: []))
        var session = LANSession(account: account, random: [UInt8](1...20))
        var bmc = FakeBMC(password: [])
        let first = bmc.open(session.openRequest())
        for length in first.indices {
            #expect(throws: LANSession.Refusal.self, "length \(length)") {
                try session.takeOpenResponse(Array(first[..<length]))
            }
        }
        try session.takeOpenResponse(first)
        let second = bmc.challenge(session.challenge())
        for position in 24..<second.count {
            var damaged = second
            damaged[position] ^= 1
            #expect(throws: LANSession.Refusal.unauthentic, "byte \(position)") {
                try session.takeChallengeResponse(damaged)
            }
        }
    }

    @Test func weakerAlgorithmsAreNotAccepted() throws {
        let account = try #require(LANSession.Account(user: "u", password: []))
        var session = LANSession(account: account, random: [UInt8](1...20))
        var bmc = FakeBMC(password: [])
        var answer = bmc.open(session.openRequest())
        answer[16 + 24] = 0
        #expect(throws: LANSession.Refusal.unauthentic) { try session.takeOpenResponse(answer) }
    }

    @Test func statusesAreNamed() throws {
        let account = try #require(LANSession.Account(user: "u", password: []))
        var session = LANSession(account: account, random: [UInt8](1...20))
        let refusal: [UInt8] = [6, 0, 0xFF, 7, 6, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x11]
        #expect(throws: LANSession.Refusal.status(0x11)) { try session.takeOpenResponse(refusal) }
        #expect(LANSession.Account(user: String(repeating: "x", count: 17), password: []) == nil)
        #expect(LANSession.Account(user: "x", password: [UInt8](repeating: 1, count: 21)) == nil)
    }

    @Test func aCommandIsEncryptedNumberedAndFramed() throws {
        var (session, bmc) = try opened()
        let packet = session.request(
            function: 0x2C, command: 2, data: DCMIPower.request, vector: [UInt8](repeating: 7, count: 16))
        #expect(Array(packet[4..<14]) == [0x06, 0xC0] + bmc.id + [1, 0, 0, 0])
        #expect((packet.count - 4 - 12) % 4 == 0)
        let integrity = SHA1.authenticate([UInt8](repeating: 1, count: 20), key: bmc.key)
        #expect(
            Array(packet.suffix(12))
                == Array(SHA1.authenticate(Array(packet[4..<packet.count - 12]), key: integrity)[..<12]))
        bmc.consoleID = []
        #expect(throws: LANSession.Refusal.self) { try session.takeResponse(packet, function: 0x2C, command: 2) }
    }
}
