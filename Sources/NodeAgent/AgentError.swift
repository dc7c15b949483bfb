/// Why the agent, an enrolment or an import cannot do what it was asked: one line with what, where and what to do.
package struct AgentError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Options that contradict each other or miss something.
        case usage = "USAGE"
        /// A configuration file with an unknown key or a bad value.
        case configuration = "CONFIG"
        /// A file that cannot be read or written, or is not what it should be.
        case file = "FILE"
        /// A recorded log that cannot be imported.
        case input = "INPUT"
        /// The aggregator refused.
        case refused = "REFUSED"
        /// The aggregator cannot be reached, or not be trusted.
        case unavailable = "UNAVAILABLE"
        /// The directory holds no enrolment, or another one.
        case notEnrolled = "NOT_ENROLLED"
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    package init(_ error: SpoolError) { self.init(.file, error.description) }

    /// Exit status of a program that ends with it.
    package var exitStatus: Int32 {
        switch code {
        case .usage, .configuration: 2
        case .unavailable: 3
        case .file, .input, .refused, .notEnrolled: 1
        }
    }
}
