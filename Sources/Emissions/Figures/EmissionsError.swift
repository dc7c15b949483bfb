/// What this module refuses, in one line that names the place and the remedy.
package struct EmissionsError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The text is not a decimal figure.
        case malformedFigure
        /// The exact value does not fit 128 bits.
        case overflow
        case dividedByZero
        /// A figure outside what it can physically or by definition be.
        case outOfRange
        /// A table that cannot be read; the message begins with the line.
        case malformedTable
        /// A provider's answer that cannot be read.
        case malformedAnswer
        /// A provider that does not answer what is asked; asking again changes nothing.
        case refused
        /// A provider that does not answer now.
        case unavailable
        /// A signal that must not be used for an inventory.
        case marginalSignal
        /// Two inputs claim the same place and time.
        case conflict
        /// An input that the figure needs was not given.
        case missingInput
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    static let overflow = EmissionsError(.overflow, "the figure leaves 128 bits: split the period or check the unit")
}
