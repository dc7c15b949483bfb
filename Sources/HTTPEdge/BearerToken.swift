package import HTTPTypes

/// The token of a request. A secret: it has no description.
package struct BearerToken: Sendable {
    /// As sent; never to be logged.
    package let secret: String

    /// Tokens are far shorter; a longer one is not looked up.
    package static let bytesMax = 4_096

    /// The token of the `Authorization` field (RFC 6750 section 2.1), nil if there is none.
    ///
    /// - Throws: ``Problem`` 400 if there is a field but it is not one bearer token: with a wrong scheme a client would
    ///   else be told that it has no token, and look in the wrong place.
    package init?(_ headers: HTTPFields) throws(Problem) {
        let fields = headers[values: .authorization]
        guard let field = fields.first else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard fields.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw .badRequest("the Authorization field must be one 'Bearer TOKEN'")
        }
        let secret = parts[1].drop { $0 == " " }
        guard !secret.isEmpty, secret.utf8.count <= Self.bytesMax, secret.utf8.allSatisfy(Self.isToken) else {
            throw .badRequest("the bearer token has characters that none has, or is too long")
        }
        self.secret = String(secret)
    }

    /// b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
            UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}

extension BearerToken: CustomStringConvertible, CustomReflectable {
    package var description: String { "BearerToken" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
