import Dispatch
import Synchronization

/// Two results that do not need each other, each made on a core of its own.
///
/// - Parameter isWorthwhile: false makes them one after the other, so that a program that has only little to do never
///   gets a second thread.
package func both<First: Sendable, Second: Sendable>(
    isWorthwhile: Bool, _ first: @Sendable () -> First, _ second: @Sendable () -> Second
) -> (First, Second) {
    let results = Mutex<(first: First?, second: Second?)>((nil, nil))
    if isWorthwhile {
        DispatchQueue.concurrentPerform(iterations: 2) { turn in
            if turn == 0 {
                let made = first()
                results.withLock { $0.first = made }
            } else {
                let made = second()
                results.withLock { $0.second = made }
            }
        }
    }
    let made = results.withLock { $0 }
    return (made.first ?? first(), made.second ?? second())
}
