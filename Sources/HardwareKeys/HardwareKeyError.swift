/// Why a key on a token cannot be used: what, where, and what to do. A PIN is never part of it.
package struct HardwareKeyError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        case badURI = "bad_uri"
        case module
        case token
        case pin
        case mechanism
        case key
        case device
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
