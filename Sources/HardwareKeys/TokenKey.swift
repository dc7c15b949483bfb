internal import CPKCS11
import Identity
import Synchronization
package import TransparencyLog

/// An Ed25519 key that never leaves its token: it signs there, by CKM_EDDSA.
package final class TokenKey: Sendable {
    package let uri: TokenURI
    /// 32 bytes.
    package let publicKey: [UInt8]
    private let module: TokenModule
    private let pin: [UInt8]
    /// The session of the logged-in user; nil after it broke. One signature at a time.
    private let session: Mutex<Session?>

    private struct Session {
        var handle: CK_ULONG
        var key: CK_ULONG
        /// The start of the module in which it was opened.
        var start: Int
    }

    /// Opens the token, logs in, finds the key, and has it sign once: what does not work is told here and not at the
    /// first checkpoint.
    package init(_ uri: TokenURI) throws {
        self.uri = uri
        module = try TokenModule.load(uri.modulePath)
        pin = try Self.pin(uri)
        let (module, pin) = (module, pin)
        let opened = try module.starts.count.withLock { start throws(HardwareKeyError) in
            let slot = try module.slot(of: uri)
            try module.requireEdDSA(slot, uri)
            let open = try Self.open(module, slot, uri, pin, start)
            return (session: open, publicKey: try Self.publicKey(module, open.handle, uri))
        }
        publicKey = opened.publicKey
        session = Mutex(opened.session)
        let probe = Array("\u{0}wattest: does this key sign?".utf8)
        let signature = try sign(probe)
        let verifier = try VerifierKey(name: "probe", type: .ed25519, publicKey: publicKey)
        guard verifier.isValidSignature(signature, for: probe) else {
            throw HardwareKeyError(.key, "\(uri): its private and public key do not belong together")
        }
    }

    /// The key as one that signs notes under a name.
    package func signingKey(name: String) throws -> SigningKey {
        let verifier = try VerifierKey(name: name, type: .ed25519, publicKey: publicKey)
        let reference = "\(StoredKey.marker)\(name)+\(verifier.keyIDHexadecimal)+\(uri.text)"
        return SigningKey(verifier: verifier, reference: reference) { [self] message in try sign(message) }
    }

    /// Ed25519 over the message, 64 bytes.
    package func sign(_ message: [UInt8]) throws(HardwareKeyError) -> [UInt8] {
        try module.starts.count.withLock { start throws(HardwareKeyError) in
            try session.withLock { session throws(HardwareKeyError) in
                if let open = session, open.start == start {
                    if let signature = attempt(open, message) { return signature }
                    _ = module.functions.pointee.C_CloseSession(open.handle)
                }
                session = nil
                // The token was taken out, or its driver started anew: once more with a session of its own.
                let open = try reopen(&start)
                session = open
                guard let signature = attempt(open, message) else {
                    throw HardwareKeyError(.device, "\(uri): the token does not sign; see its own log")
                }
                return signature
            }
        }
    }

    private func reopen(_ start: inout Int) throws(HardwareKeyError) -> Session {
        do {
            return try Self.open(module, try module.slot(of: uri), uri, pin, start)
        } catch {
            // Another attempt with a wrong PIN would bring the token closer to locking itself.
            guard error.code != .pin else { throw error }
            try module.startAnew(&start)
            return try Self.open(module, try module.slot(of: uri), uri, pin, start)
        }
    }

    private func attempt(_ open: Session, _ message: [UInt8]) -> [UInt8]? {
        var mechanism = CK_MECHANISM(
            mechanism: CK_ULONG(WATTEST_CKM_EDDSA), parameter: nil, parameterLength: 0)
        guard module.functions.pointee.C_SignInit(open.handle, &mechanism, open.key) == 0 else { return nil }
        var signature = [UInt8](repeating: 0, count: 64)
        var length = CK_ULONG(signature.count)
        let code = module.functions.pointee.C_Sign(
            open.handle, message, CK_ULONG(message.count), &signature, &length)
        return code == 0 && length == 64 ? signature : nil
    }

    // MARK: Opening

    /// The first line of the PIN's file, which nobody else may read.
    private static func pin(_ uri: TokenURI) throws -> [UInt8] {
        guard let file = uri.pinSource else {
            throw HardwareKeyError(.pin, "\(uri): pin-source is missing; put the PIN into a file of mode 0600")
        }
        let pin = try PrivateFile.readSecret(file).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !pin.isEmpty else { throw HardwareKeyError(.pin, "\(file): its first line is empty, expected the PIN") }
        return Array(pin)
    }

    private static func open(
        _ module: TokenModule, _ slot: CK_ULONG, _ uri: TokenURI, _ pin: [UInt8], _ start: Int
    ) throws(HardwareKeyError) -> Session {
        var handle: CK_ULONG = 0
        let flags = CK_ULONG(WATTEST_CKF_SERIAL_SESSION)
        try module.check(module.functions.pointee.C_OpenSession(slot, flags, nil, nil, &handle), "open \(uri)")
        do throws(HardwareKeyError) {
            try logIn(module, handle, uri, pin)
            let keys = try find(module, handle, uri, CK_ULONG(WATTEST_CKO_PRIVATE_KEY))
            guard let key = keys.first else {
                throw HardwareKeyError(
                    .key,
                    "there is no such Ed25519 key: \(uri); make one with pkcs11-tool --keypairgen --key-type"
                        + " EC:edwards25519")
            }
            guard keys.count == 1 else {
                throw HardwareKeyError(.key, "\(keys.count) keys are meant by \(uri); add id= or object=")
            }
            return Session(handle: handle, key: key, start: start)
        } catch {
            _ = module.functions.pointee.C_CloseSession(handle)
            throw error
        }
    }

    private static func logIn(
        _ module: TokenModule, _ session: CK_ULONG, _ uri: TokenURI, _ pin: [UInt8]
    ) throws(HardwareKeyError) {
        let code = module.functions.pointee.C_Login(
            session, CK_ULONG(WATTEST_CKU_USER), pin, CK_ULONG(pin.count))
        let file = uri.pinSource ?? ""
        switch Int(truncatingIfNeeded: code) {
        case WATTEST_CKR_OK, WATTEST_CKR_USER_ALREADY_LOGGED_IN: return
        case WATTEST_CKR_PIN_INCORRECT, WATTEST_CKR_PIN_INVALID, WATTEST_CKR_PIN_LEN_RANGE:
            throw HardwareKeyError(
                .pin, "the PIN in \(file) is not that of \(uri); correct it before the token locks itself")
        case WATTEST_CKR_PIN_LOCKED:
            throw HardwareKeyError(.pin, "the PIN of \(uri) is locked after wrong attempts; unlock it with the SO PIN")
        case WATTEST_CKR_PIN_EXPIRED, WATTEST_CKR_USER_PIN_NOT_INITIALIZED:
            throw HardwareKeyError(.pin, "the PIN of \(uri) is expired or was never set; set it")
        default: throw HardwareKeyError(.device, "\(uri): login failed: \(ReturnCode(code))")
        }
    }

    // MARK: Objects

    /// The Ed25519 keys of a class that the URI means.
    private static func find(
        _ module: TokenModule, _ session: CK_ULONG, _ uri: TokenURI, _ objectClass: CK_ULONG
    ) throws(HardwareKeyError) -> [CK_ULONG] {
        let values: [(type: Int, bytes: [UInt8])] = [
            (WATTEST_CKA_CLASS, bytes(of: objectClass)),
            (WATTEST_CKA_KEY_TYPE, bytes(of: CK_ULONG(WATTEST_CKK_EC_EDWARDS))),
            (WATTEST_CKA_LABEL, uri.object.map { Array($0.utf8) } ?? []),
            (WATTEST_CKA_ID, uri.id ?? []),
        ].filter { !$0.1.isEmpty }
        var buffer = values.flatMap(\.bytes)
        var found = [CK_ULONG](repeating: 0, count: 8)
        var count: CK_ULONG = 0
        let code = buffer.withUnsafeMutableBytes { raw -> CK_RV in
            var offset = 0
            var attributes = values.map { value in
                defer { offset += value.bytes.count }
                return CK_ATTRIBUTE(
                    type: CK_ULONG(value.type), value: raw.baseAddress.map { $0 + offset },
                    length: CK_ULONG(value.bytes.count))
            }
            let code = module.functions.pointee.C_FindObjectsInit(session, &attributes, CK_ULONG(attributes.count))
            guard code == 0 else { return code }
            defer { _ = module.functions.pointee.C_FindObjectsFinal(session) }
            return module.functions.pointee.C_FindObjects(session, &found, CK_ULONG(found.count), &count)
        }
        try module.check(code, "look for \(uri)")
        return Array(found.prefix(Int(count)))
    }

    private static func bytes(of value: CK_ULONG) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    /// The point of the public key object beside the private one.
    private static func publicKey(
        _ module: TokenModule, _ session: CK_ULONG, _ uri: TokenURI
    ) throws(HardwareKeyError) -> [UInt8] {
        guard let object = try find(module, session, uri, CK_ULONG(WATTEST_CKO_PUBLIC_KEY)).first else {
            throw HardwareKeyError(.key, "the public key beside \(uri) is missing; keep it on the token too")
        }
        var point = [UInt8](repeating: 0, count: 128)
        var length: CK_ULONG = 0
        let code = point.withUnsafeMutableBytes { raw -> CK_RV in
            var attribute = CK_ATTRIBUTE(
                type: CK_ULONG(WATTEST_CKA_EC_POINT), value: raw.baseAddress, length: CK_ULONG(raw.count))
            let code = module.functions.pointee.C_GetAttributeValue(session, object, &attribute, 1)
            length = attribute.length
            return code
        }
        try module.check(code, "read the public key of \(uri)")
        guard length <= 128, let key = Self.rawPoint(Array(point.prefix(Int(length)))) else {
            throw HardwareKeyError(.key, "\(uri): the key is no Ed25519 key; make one of the curve edwards25519")
        }
        return key
    }

    /// Modules write the point raw, as an OCTET STRING (version 3.0) or as a BIT STRING.
    static func rawPoint(_ bytes: [UInt8]) -> [UInt8]? {
        switch bytes.count {
        case 32: bytes
        case 34 where bytes.starts(with: [0x04, 0x20]): Array(bytes.dropFirst(2))
        case 35 where bytes.starts(with: [0x03, 0x21, 0x00]): Array(bytes.dropFirst(3))
        default: nil
        }
    }
}
