import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Threads of the agent's own: what blocks on devices and disks must not hold up the tasks of the network.
enum AgentThread {
    /// - Returns: false when the system gives no thread.
    @discardableResult
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Box(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // Eight megabytes by default; none of these goes deep.
        pthread_attr_setstacksize(&attributes, 512 << 10)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        if result != 0 { box.release() }
        return result == 0
    }

    static func sleep(milliseconds: Int64) {
        var time = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// Wakes a thread that waits, from any other.
final class WakeUp: Sendable {
    /// Readable after a signal, for those who wait for something else too.
    let reader: Int32
    private let writer: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        close(reader)
        close(writer)
    }

    func signal() {
        // A full pipe wakes as well as one with a byte more.
        var byte: UInt8 = 1
        _ = write(writer, &byte, 1)
    }

    /// Waits for a signal, at most so long.
    func wait(milliseconds: Int64) {
        var ends = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        guard poll(&ends, 1, Int32(clamping: max(0, milliseconds))) > 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(reader, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}
