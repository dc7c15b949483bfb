#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// SIGTERM and SIGINT as a stream.
enum Signals {
    private static var wanted: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }

    /// Keeps the signals from ending the process. Call it on the first thread before there are others.
    static func block() {
        var set = wanted
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // A peer that closes its end is an error of the write, not the end of the agent.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Yields once for each signal that comes.
    static func stream() -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        let box = Unmanaged.passRetained(Box(continuation))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                var set = Signals.wanted
                var number: Int32 = 0
                while sigwait(&set, &number) == 0 { box.continuation.yield(number) }
                return nil
            }, box.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            box.release()
        }
        return stream
    }

    private final class Box: Sendable {
        let continuation: AsyncStream<Int32>.Continuation

        init(_ continuation: AsyncStream<Int32>.Continuation) { self.continuation = continuation }
    }
}
