/// Waiting for what must come, and not for ever.
package enum Patience {
    package struct RanOut: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Looks again and again until there is something to see: other programs and threads tell nobody what they did.
    ///
    /// - Parameter probe: nil while there is nothing.
    package static func until<Value>(
        _ what: String, seconds: Int = 60, _ probe: () async throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            if let value = try await probe() { return value }
            guard ContinuousClock.now < deadline else {
                throw RanOut(description: "\(what) did not come within \(seconds) s")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Lets a random moment pass, so that what follows hits the stream anywhere.
    package static func moment(milliseconds: Range<Int>, _ random: inout some RandomNumberGenerator) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: milliseconds, using: &random)))
    }
}
