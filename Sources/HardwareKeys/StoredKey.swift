package import TransparencyLog

/// A signing key by the text that a key file holds: the key itself, or where it is.
///
///     PRIVATE+KEY+<name>+<key ID>+<base64>            the secret, as Go's note package writes it
///     PKCS11+KEY+<name>+<key ID>+<PKCS #11 URI>       a key on a token; the ID tells whether it is still the same
package enum StoredKey {
    static let marker = "PKCS11+KEY+"

    package static func signingKey(parsing text: String) throws -> SigningKey {
        guard text.hasPrefix(marker) else { return try SigningKey(parsing: text) }
        let parts = text.dropFirst(marker.count).split(
            separator: "+", maxSplits: 2, omittingEmptySubsequences: false
        ).map(String.init)
        guard parts.count == 3 else {
            throw HardwareKeyError(.badURI, "the key file is not \(marker)<name>+<key ID>+<PKCS #11 URI>")
        }
        let uri = try TokenURI(parsing: parts[2])
        let key = try TokenKey(uri).signingKey(name: parts[0])
        guard key.verifier.keyIDHexadecimal == parts[1] else {
            throw HardwareKeyError(
                .key, "\(uri) is another key than \(parts[1]), which is wanted here; put the right token in")
        }
        return key
    }
}
