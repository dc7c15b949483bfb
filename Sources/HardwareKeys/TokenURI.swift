/// Where a key is: a PKCS #11 URI (RFC 7512), as far as it can name one private key.
///
///     pkcs11:token=wattest;object=log;id=%01?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/wattest/pin
package struct TokenURI: Sendable, Hashable, CustomStringConvertible {
    package static let scheme = "pkcs11:"

    /// As it was given.
    package let text: String
    package private(set) var token: String?
    package private(set) var serial: String?
    /// CKA_LABEL of the key.
    package private(set) var object: String?
    /// CKA_ID of the key.
    package private(set) var id: [UInt8]?
    package private(set) var modulePath = ""
    /// The file whose first line is the PIN.
    package private(set) var pinSource: String?

    private static let known = ["token", "serial", "object", "id", "type", "module-path", "pin-source"]

    package init(parsing text: String) throws(HardwareKeyError) {
        self.text = text
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw HardwareKeyError(.badURI, "the URI of a key is of printable ASCII; encode the rest as %XX")
        }
        guard text.hasPrefix(Self.scheme) else {
            throw HardwareKeyError(.badURI, "'\(text)' does not begin with \(Self.scheme)")
        }
        let parts = text.dropFirst(Self.scheme.count).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        for item in parts[0].split(separator: ";") { try take(item, isQuery: false) }
        for item in parts.dropFirst().first?.split(separator: "&") ?? [] { try take(item, isQuery: true) }
        guard modulePath.hasPrefix("/") else {
            throw HardwareKeyError(
                .badURI, "\(text): module-path is missing or not absolute; add ?module-path=/usr/lib/….so")
        }
        guard object != nil || id != nil else {
            throw HardwareKeyError(.badURI, "\(text): it names no key; add object=LABEL or id=%01")
        }
    }

    private mutating func take(_ item: Substring, isQuery: Bool) throws(HardwareKeyError) {
        let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard parts.count == 2, let bytes = Self.decode(parts[1]) else {
            throw HardwareKeyError(.badURI, "'\(item)' of the URI is not NAME=VALUE, percent-encoded")
        }
        let value = String(decoding: bytes, as: UTF8.self)
        switch (name, isQuery) {
        case ("token", false): token = value
        case ("serial", false): serial = value
        case ("object", false): object = value
        case ("id", false): id = bytes
        case ("type", false):
            guard value == "private" else {
                throw HardwareKeyError(.badURI, "type=\(value): a key that signs is of type private")
            }
        case ("module-path", true): modulePath = value
        case ("pin-source", true):
            let path = value.hasPrefix("file:") ? String(value.dropFirst(5)) : value
            // file:///path as well as file:/path.
            pinSource = path.hasPrefix("//") ? String(path.dropFirst(2)) : path
        case ("pin-value", _):
            throw HardwareKeyError(.badURI, "a PIN does not stand in a URI; put it into a file and give pin-source")
        default:
            throw HardwareKeyError(
                .badURI, "'\(name)' of the URI is not known here; known are \(Self.known.joined(separator: ", "))")
        }
    }

    private static func decode(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            rest.removeFirst(2)
            bytes.append(value)
        }
        return bytes
    }

    /// For messages: which key, without the PIN's place.
    package var description: String {
        var parts: [String] = []
        if let token { parts.append("token '\(token)'") }
        if let serial { parts.append("serial '\(serial)'") }
        if let object { parts.append("key '\(object)'") }
        if let id { parts.append("id " + id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()) }
        return "\(parts.joined(separator: ", ")) of \(modulePath)"
    }
}
