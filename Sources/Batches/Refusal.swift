/// Why an entry is not taken into a log. An honest agent never causes one but `overloaded` and `chainGap`.
package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case badSyntax = "BAD_SYNTAX"
        case tooLarge = "TOO_LARGE"
        case badSignature = "BAD_SIGNATURE"
        case unknownNode = "UNKNOWN_NODE"
        case retiredKey = "RETIRED_KEY"
        case foreignLog = "FOREIGN_LOG"
        case chainGap = "CHAIN_GAP"
        case chainFork = "CHAIN_FORK"
        case overlap = "OVERLAP"
        case samplesMismatch = "SAMPLES_MISMATCH"
        case certificateMismatch = "CERTIFICATE_MISMATCH"
        case overloaded = "OVERLOADED"
    }

    package var code: Code
    /// Whether sending the same bytes again can never succeed.
    package var isPermanent: Bool
    package var message: String

    package init(_ code: Code, isPermanent: Bool = true, _ message: String) {
        self.code = code
        self.isPermanent = isPermanent
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
