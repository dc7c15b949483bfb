internal import CPKCS11
import Synchronization

/// A PKCS #11 module that is loaded and initialized. Once loaded it stays, since modules hold threads and sessions.
struct TokenModule: @unchecked Sendable {
    let path: String
    /// Constant memory of the module, which is never unloaded; the functions take any thread (CKF_OS_LOCKING_OK).
    let functions: UnsafePointer<CK_FUNCTION_LIST>

    /// How often the module has started anew. Whoever calls its functions holds this, so that it never starts anew
    /// below a signature.
    final class Starts: Sendable { let count = Mutex(0) }
    let starts = Starts()

    private static let loaded = Mutex<[String: TokenModule]>([:])

    static func load(_ path: String) throws(HardwareKeyError) -> TokenModule {
        try loaded.withLock { modules throws(HardwareKeyError) in
            if let known = modules[path] { return known }
            let module = try TokenModule(path)
            modules[path] = module
            return module
        }
    }

    /// A module whose functions are at hand already.
    init(path: String, functions: UnsafePointer<CK_FUNCTION_LIST>) {
        self.path = path
        self.functions = functions
    }

    private init(_ path: String) throws(HardwareKeyError) {
        var reason: UnsafePointer<CChar>?
        guard let functions = wattest_pkcs11_load(path, &reason) else {
            let text = reason.map { String(cString: $0) } ?? "it cannot be loaded"
            throw HardwareKeyError(.module, "PKCS #11 module \(path): \(text)")
        }
        self.path = path
        self.functions = functions
        try initialize()
    }

    /// Ends every session and begins again: some modules see a token that was away only then.
    ///
    /// Other keys of this module find their sessions gone and open new ones.
    func startAnew(_ count: inout Int) throws(HardwareKeyError) {
        count += 1
        _ = functions.pointee.C_Finalize(nil)
        try initialize()
    }

    private func initialize() throws(HardwareKeyError) {
        var arguments = CK_C_INITIALIZE_ARGS()
        arguments.flags = CK_ULONG(WATTEST_CKF_OS_LOCKING_OK)
        let code = functions.pointee.C_Initialize(&arguments)
        guard code == 0 || code == CK_RV(WATTEST_CKR_CRYPTOKI_ALREADY_INITIALIZED) else {
            throw HardwareKeyError(.module, "PKCS #11 module \(path) cannot be initialized: \(ReturnCode(code))")
        }
    }

    /// The slots with a token that the URI may mean, with the token's name.
    func slot(of uri: TokenURI) throws(HardwareKeyError) -> CK_ULONG {
        var count: CK_ULONG = 0
        try check(functions.pointee.C_GetSlotList(1, nil, &count), "list its tokens")
        var slots = [CK_ULONG](repeating: 0, count: Int(count))
        if count > 0 { try check(functions.pointee.C_GetSlotList(1, &slots, &count), "list its tokens") }
        var names: [String] = []
        var found: [CK_ULONG] = []
        for slot in slots.prefix(Int(count)) {
            var info = CK_TOKEN_INFO()
            guard functions.pointee.C_GetTokenInfo(slot, &info) == 0,
                info.flags & CK_ULONG(WATTEST_CKF_TOKEN_INITIALIZED) != 0
            else { continue }
            let label = withUnsafeBytes(of: info.label) { Self.text($0) }
            let serial = withUnsafeBytes(of: info.serialNumber) { Self.text($0) }
            names.append("'\(label)'")
            if uri.token.map({ $0 == label }) ?? true, uri.serial.map({ $0 == serial }) ?? true { found.append(slot) }
        }
        guard let slot = found.first else {
            let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
            throw HardwareKeyError(.token, "there is no such token: \(uri); \(known)")
        }
        guard found.count == 1 else {
            throw HardwareKeyError(.token, "\(found.count) tokens are meant by \(uri); add token= or serial=")
        }
        return slot
    }

    func requireEdDSA(_ slot: CK_ULONG, _ uri: TokenURI) throws(HardwareKeyError) {
        var info = CK_MECHANISM_INFO()
        let code = functions.pointee.C_GetMechanismInfo(slot, CK_ULONG(WATTEST_CKM_EDDSA), &info)
        guard code == 0, info.flags & CK_ULONG(WATTEST_CKF_SIGN) != 0 else {
            throw HardwareKeyError(
                .mechanism,
                "\(uri): the token does not sign with Ed25519 (CKM_EDDSA); use one that does, or a key in a file")
        }
    }

    func check(_ code: CK_RV, _ what: String) throws(HardwareKeyError) {
        guard code == 0 else {
            throw HardwareKeyError(.device, "PKCS #11 module \(path) cannot \(what): \(ReturnCode(code))")
        }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// A return value in words.
struct ReturnCode: CustomStringConvertible {
    let code: CK_RV

    init(_ code: CK_RV) { self.code = code }

    private static let words: [Int: String] = [
        WATTEST_CKR_ARGUMENTS_BAD: "bad arguments", WATTEST_CKR_CANT_LOCK: "it cannot lock",
        WATTEST_CKR_DEVICE_ERROR: "device error", WATTEST_CKR_DEVICE_REMOVED: "the device is gone",
        WATTEST_CKR_GENERAL_ERROR: "a general error; look whether its tokens and configuration are there",
        WATTEST_CKR_KEY_FUNCTION_NOT_PERMITTED: "the key may not sign (CKA_SIGN)",
        WATTEST_CKR_MECHANISM_INVALID: "it knows no EdDSA",
        WATTEST_CKR_SESSION_HANDLE_INVALID: "the session is gone",
        WATTEST_CKR_TOKEN_NOT_PRESENT: "the token is gone",
        WATTEST_CKR_USER_NOT_LOGGED_IN: "nobody is logged in",
    ]

    var description: String {
        Self.words[Int(truncatingIfNeeded: code)] ?? "CKR 0x" + String(code, radix: 16)
    }
}
