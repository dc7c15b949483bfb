/// Why a key, a certificate or a file that holds one cannot be used: one line with the place and the remedy.
package struct IdentityError: Error, Hashable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// Bytes that are not the PEM or DER that they should be.
        case malformed
        /// A key that does not belong to its certificate.
        case keyMismatch
        /// A certificate request whose own signature does not verify, or whose key is not P-256.
        case badRequest
        /// A name or address that cannot stand in a certificate.
        case badName
        /// A file that cannot be read or written.
        case file
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
