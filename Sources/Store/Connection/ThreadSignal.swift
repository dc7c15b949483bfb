import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A mutex with a condition, for threads that wait for work.
///
/// `Synchronization.Mutex` has no condition variable. Unchecked: the two C objects are reached only through their own
/// functions, which are made for many threads, and live as long as this object.
final class ThreadSignal: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Waits must not stretch when somebody sets the wall clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Only within `withLock`.
    func wait() { pthread_cond_wait(condition, mutex) }

    /// Only within `withLock`. Until woken or until the monotonic instant, in ns.
    func wait(until instantNanoseconds: Int64) {
        var instant = timespec(
            tv_sec: Int(instantNanoseconds / 1_000_000_000), tv_nsec: Int(instantNanoseconds % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &instant)
    }

    func wakeAll() { pthread_cond_broadcast(condition) }
}

/// The monotonic clock, in ns.
func monotonicNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// A thread of its own for calls that block: Swift's cooperative pool has as many threads as cores, and a handful of
/// blocked ones would stop everything else.
enum DedicatedThread {
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// - Throws: `.unavailable` when the system gives no thread.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        let context = Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                wattest_name_thread(start.name)
                start.body()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            throw StoreError(.unavailable, "cannot start the thread \(name): error \(status)")
        }
        pthread_detach(thread)
    }
}
