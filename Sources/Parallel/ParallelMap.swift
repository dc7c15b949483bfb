import Dispatch
import Synchronization

extension Array where Element: Sendable {
    /// What `map` gives, made on all cores: elements stay in their order, and each is transformed once.
    ///
    /// It waits until all are done, and blocks nobody: the calling thread works with the others.
    ///
    /// - Parameter minimumShare: elements that are worth handing to another core. An array of less than two such shares
    ///   is mapped where it is, so that a program that has only small ones never gets a second thread.
    package func parallelMap<Value: Sendable>(
        minimumShare: Int, _ transform: @Sendable (Element) -> Value
    ) -> [Value] {
        parallelMap(minimumShare: minimumShare, transform, beside: {}).0
    }

    /// The same, with something else made beside it, which is begun first.
    package func parallelMap<Value: Sendable, Other: Sendable>(
        minimumShare: Int, _ transform: @Sendable (Element) -> Value, beside other: @Sendable () -> Other
    ) -> ([Value], Other) {
        let shares = Swift.min(count / Swift.max(1, minimumShare), Self.maximumShares)
        guard shares > 1 else { return (map(transform), other()) }
        let results = Mutex<(parts: [[Value]], other: Other?)>(([[Value]](repeating: [], count: shares), nil))
        DispatchQueue.concurrentPerform(iterations: shares + 1) { turn in
            guard turn > 0 else {
                let made = other()
                return results.withLock { $0.other = made }
            }
            let range = (count * (turn - 1) / shares)..<(count * turn / shares)
            let part = self[range].map(transform)
            results.withLock { $0.parts[turn - 1] = part }
        }
        return results.withLock { results in
            ([Value](results.parts.joined()), results.other ?? other())
        }
    }

    /// Several for each core, so that one with long work is not waited for by all others.
    private static var maximumShares: Int { 64 }
}
