/// What a pool's threads share: jobs in the order of arrival, bounded.
///
/// Unchecked: every stored property is touched only within `signal.withLock`.
final class JobQueue: @unchecked Sendable {
    struct Job {
        let number: UInt64
        /// The monotonic instant after which the job is failed rather than kept waiting for a connection.
        let deadlineNanoseconds: Int64
        let perform: (Connection) -> Void
        let fail: (StoreError) -> Void
    }

    private let signal = ThreadSignal()
    private let limit: Int
    private var waiting: [Job] = []
    private var isClosed = false
    private var workers = 0
    private var whenEmpty: [@Sendable () -> Void] = []

    init(limit: Int) { self.limit = limit }

    /// Why the job was not taken; `nil` when it was.
    func add(_ job: Job) -> StoreError? {
        signal.withLock {
            if isClosed { return StoreError(.closed, "the database connections are closed") }
            if waiting.count >= limit {
                return StoreError(.overloaded, "\(limit) requests wait for the database already", hint: "try again")
            }
            waiting.append(job)
            signal.wakeAll()
            return nil
        }
    }

    /// The next job; waits for one. `nil` when the queue is closed and drained.
    func next() -> Job? {
        signal.withLock {
            while waiting.isEmpty {
                if isClosed { return nil }
                signal.wait()
            }
            return waiting.removeFirst()
        }
    }

    /// Fails the job if it has not been taken yet.
    func cancel(_ number: UInt64) {
        let job = signal.withLock { () -> Job? in
            waiting.firstIndex { $0.number == number }.map { waiting.remove(at: $0) }
        }
        job?.fail(StoreError(.cancelled, "the request was cancelled before it reached the database"))
    }

    /// Waits until the instant. `false` when the queue is closed meanwhile.
    func pause(until instantNanoseconds: Int64) -> Bool {
        signal.withLock {
            while !isClosed && monotonicNanoseconds() < instantNanoseconds { signal.wait(until: instantNanoseconds) }
            return !isClosed
        }
    }

    func workerStarted() { signal.withLock { workers += 1 } }

    func workerEnded() {
        let calls = signal.withLock {
            workers -= 1
            return workers == 0 ? takeCalls() : []
        }
        for call in calls { call() }
    }

    /// Takes no more jobs; those taken are finished. Calls back when the last worker has ended.
    func close(_ done: @escaping @Sendable () -> Void) {
        let calls = signal.withLock {
            isClosed = true
            whenEmpty.append(done)
            signal.wakeAll()
            return workers == 0 ? takeCalls() : []
        }
        for call in calls { call() }
    }

    private func takeCalls() -> [@Sendable () -> Void] {
        defer { whenEmpty = [] }
        return whenEmpty
    }
}
