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
        let shares = Swift.min(count / Swift.max(1, minimumShare), Self.maximumShares)
        guard shares > 1 else { return map(transform) }
        let parts = Mutex([[Value]](repeating: [], count: shares))
        DispatchQueue.concurrentPerform(iterations: shares) { share in
            let range = (count * share / shares)..<(count * (share + 1) / shares)
            let part = self[range].map(transform)
            parts.withLock { $0[share] = part }
        }
        return parts.withLock { $0.flatMap(\.self) }
    }

    /// Several for each core, so that one with long work is not waited for by all others.
    private static var maximumShares: Int { 64 }
}
