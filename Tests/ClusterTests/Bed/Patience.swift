/// Waiting for what must come, and not for ever.
enum Patience {
    struct RanOut: Error, CustomStringConvertible {
        let description: String
    }

    /// Looks again and again until there is something to see.
    ///
    /// - Parameter probe: nil while there is nothing.
    static func until<Value>(
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
    static func moment(milliseconds: Range<Int>, _ random: inout some RandomNumberGenerator) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: milliseconds, using: &random)))
    }
}
