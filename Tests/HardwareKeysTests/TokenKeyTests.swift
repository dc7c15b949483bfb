import CPKCS11
import Testing
import TransparencyLog

@testable import HardwareKeys

@Suite(.enabled(if: SoftToken.isInstalled, "SoftHSM is not installed")) struct TokenKeyTests {
    private let token: SoftToken

    init() throws { token = try #require(SoftToken.shared) }

    private func fault(_ uri: String) -> HardwareKeyError? {
        do {
            _ = try TokenKey(TokenURI(parsing: uri))
            return nil
        } catch {
            return error as? HardwareKeyError ?? HardwareKeyError(.device, "\(error)")
        }
    }

    @Test func itSignsNotesThatVerify() throws {
        let key = try TokenKey(TokenURI(parsing: token.uri())).signingKey(name: "log.example/a")
        for size in [UInt64](1...5) {
            let checkpoint = try Checkpoint(origin: "log.example/a", size: size, root: .leaf(of: [UInt8(size)]))
            let signed = try SignedCheckpoint(checkpoint, signedBy: key)
            #expect(try signed.verify(origin: "log.example/a", log: key.verifier).head.size == size)
        }
        // Ed25519 is deterministic: the same text again is the same signature.
        let text = Array("a text\n".utf8)
        #expect(try key.sign(text).bytes == key.sign(text).bytes)
        #expect(try key.rawSignature(for: [0xFF, 1]).count == 64)
    }

    @Test func theKeyIsFoundByLabelByIDAndByBoth() throws {
        let log = try TokenKey(TokenURI(parsing: token.uri())).publicKey
        #expect(try TokenKey(TokenURI(parsing: token.uri("token=wattest;id=%01"))).publicKey == log)
        #expect(
            try TokenKey(TokenURI(parsing: token.uri("token=wattest;object=log;id=%01;type=private"))).publicKey == log)
        #expect(try TokenKey(TokenURI(parsing: token.uri("token=wattest;id=%02"))).publicKey != log)
    }

    @Test func aKeyFileNamesTheKeyAndIsHeldToIt() throws {
        let key = try TokenKey(TokenURI(parsing: token.uri())).signingKey(name: "log.example/a")
        let again = try StoredKey.signingKey(parsing: key.privateText)
        #expect(again.verifier == key.verifier)
        #expect(!key.privateText.contains("1234"))
        let other = key.privateText.replacing("object=log", with: "object=administration")
        let error = #expect(throws: HardwareKeyError.self) { try StoredKey.signingKey(parsing: other) }
        #expect(error?.code == .key)
        let plain = try SigningKey(name: "n", seed: Array(repeating: 1, count: 32))
        #expect(try StoredKey.signingKey(parsing: plain.privateText).verifier == plain.verifier)
    }

    @Test func manyThreadsSignAtOnce() async throws {
        let key = try TokenKey(TokenURI(parsing: token.uri())).signingKey(name: "log.example/a")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<32 {
                group.addTask {
                    let text = Array("text \(number)\n".utf8)
                    let note = try key.sign(text)
                    #expect(key.verifier.isValidSignature(note.signatures[0], for: note.text))
                }
            }
            try await group.waitForAll()
        }
    }

    /// SoftHSM, like some drivers, sees what was away only after it has started anew.
    @Test func aTokenThatComesBackSignsAgain() throws {
        let key = try TokenKey(TokenURI(parsing: token.uri("token=traveller;object=log")))
        let staying = try TokenKey(TokenURI(parsing: token.uri()))
        let before = (try key.sign([1]), try staying.sign([1]))
        try token.withoutTraveller {
            for _ in 0..<3 {
                let error = #expect(throws: HardwareKeyError.self) { try key.sign([1]) }
                #expect(error?.code == .token && error?.message.contains("'traveller'") == true, "\(error as Any)")
                let signed = try staying.sign([1])
                #expect(signed == before.1)
            }
        }
        #expect(try key.sign([1]) == before.0)
        #expect(try staying.sign([1]) == before.1)
    }

    // MARK: What is wrong is said

    /// Each row: the URI, the code, and words of the message.
    @Test func everyFaultHasItsMessage() throws {
        try token.writePIN("0000", to: "wrong")
        try token.writePIN("", to: "empty")
        try token.writePIN("1234", to: "open", mode: 0o644)
        let rows: [(uri: String, code: HardwareKeyError.Code, words: String)] = [
            (token.uri("token=spare;object=log", pin: "wrong"), .pin, "the PIN in"),
            (token.uri(pin: "empty"), .pin, "first line is empty"),
            (token.uri("token=elsewhere;object=log"), .token, "'spare', 'wattest'"),
            (token.uri("object=log"), .token, "add token="),
            (token.uri("token=wattest;object=nothing"), .key, "pkcs11-tool --keypairgen"),
            (token.uri("token=spare;object=log"), .key, "no such Ed25519 key"),
            (token.uri(module: "/usr/lib/softhsm/none.so"), .module, "none.so"),
            ("pkcs11:token=wattest;object=log?module-path=\(token.module)", .pin, "pin-source"),
        ]
        for row in rows {
            let failure = try #require(fault(row.uri), "\(row.uri) was taken")
            #expect(failure.code == row.code, "\(failure)")
            let words = row.words.split(separator: ", ")
            #expect(words.allSatisfy { failure.message.contains($0) }, "\(failure)")
            #expect(!failure.message.contains("0000") && !failure.message.contains("1234"))
        }
        // Whoever else can read the PIN has the key.
        #expect(fault(token.uri(pin: "open"))?.message.contains("open") == true)
        #expect(fault(token.uri(pin: "missing"))?.message.contains("missing") == true)
        // One wrong PIN has not locked the token.
        #expect(fault(token.uri()) == nil)
    }

    @Test func aLibraryThatIsNoModuleIsNamed() throws {
        let failure = try #require(fault(token.uri(module: "/lib/x86_64-linux-gnu/libm.so.6")))
        #expect(failure.code == .module)
    }
}

@Suite struct TokenURITests {
    @Test(arguments: [
        ("http://x", "does not begin"), ("pkcs11:object=a", "module-path"),
        ("pkcs11:token=t?module-path=/m", "names no key"),
        ("pkcs11:object=a?module-path=m.so", "absolute"), ("pkcs11:object=a;colour=red?module-path=/m", "'colour'"),
        ("pkcs11:object=a?module-path=/m&pin-value=1234", "put it into a file"),
        ("pkcs11:object=a;type=cert?module-path=/m", "of type private"),
        ("pkcs11:id=%0?module-path=/m", "percent-encoded"),
        ("pkcs11:object=a b?module-path=/m", "printable"),
    ]) func nonsenseIsTold(_ text: String, _ words: String) {
        let error = #expect(throws: HardwareKeyError.self) { try TokenURI(parsing: text) }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("1234") != true)
    }

    @Test func everyPartIsRead() throws {
        let uri = try TokenURI(
            parsing: "pkcs11:token=my%20token;serial=7;object=k;id=%01%ff?module-path=/m.so&pin-source=file:///etc/pin")
        #expect(uri.token == "my token")
        #expect(uri.serial == "7")
        #expect(uri.object == "k")
        #expect(uri.id == [1, 255])
        #expect(uri.modulePath == "/m.so")
        #expect(uri.pinSource == "/etc/pin")
    }

    /// What a module answers whose whole directory of tokens is gone.
    @Test func codesAreWords() {
        #expect("\(ReturnCode(CK_RV(WATTEST_CKR_GENERAL_ERROR)))".contains("tokens"))
        #expect("\(ReturnCode(0xFFFF_FFFF))" == "CKR 0xffffffff")
    }

    /// Versions 2.40 and 3.0 of the standard, and what modules made of them.
    @Test func pointsAreReadInEveryEncoding() {
        let key = (0..<32).map { UInt8($0) }
        #expect(TokenKey.rawPoint(key) == key)
        #expect(TokenKey.rawPoint([0x04, 0x20] + key) == key)
        #expect(TokenKey.rawPoint([0x03, 0x21, 0x00] + key) == key)
        #expect(TokenKey.rawPoint([0x04, 0x21] + key) == nil)
        #expect(TokenKey.rawPoint([]) == nil)
    }

    @Test func aTokenWithoutEdDSAIsToldSo() throws {
        var functions = CK_FUNCTION_LIST()
        functions.C_GetMechanismInfo = { _, _, _ in CK_RV(WATTEST_CKR_MECHANISM_INVALID) }
        let uri = try TokenURI(parsing: "pkcs11:object=k?module-path=/m.so")
        withUnsafePointer(to: functions) { pointer in
            let module = TokenModule(path: "/m.so", functions: pointer)
            let error = #expect(throws: HardwareKeyError.self) { try module.requireEdDSA(0, uri) }
            #expect(error?.code == .mechanism)
            #expect(error?.message.contains("CKM_EDDSA") == true)
        }
    }
}
