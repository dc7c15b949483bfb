#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// SIGTERM and SIGINT as a stream.
///
/// A handler, and no blocked mask with sigwait(3): the main thread of an asynchronous program ends in the dispatch
/// library, which waits there with every signal unblocked, so the kernel would end the process before the last batch is
/// signed.
enum Signals {
    /// Both ends of a pipe from the handler to the thread that waits. Written once, before the handler is there.
    nonisolated(unsafe) private static var channel: (read: Int32, write: Int32) = (-1, -1)

    /// Takes the signals from here on; nobody need read the stream yet. Call it once, before anything else.
    static func take() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        channel = (ends[0], ends[1])
        for number in [SIGTERM, SIGINT] {
            // Only what a handler may do (signal-safety(7)): one write, of which a full pipe needs no second.
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(Signals.channel.write, &byte, 1)
            }
        }
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
                Signals.forward(to: Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().continuation)
                return nil
            }, box.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            box.release()
        }
        return stream
    }

    private static func forward(to continuation: AsyncStream<Int32>.Continuation) {
        var waiting = pollfd(fd: channel.read, events: Int16(POLLIN), revents: 0)
        while true {
            guard poll(&waiting, 1, -1) > 0 else { continue }
            var number: UInt8 = 0
            while read(channel.read, &number, 1) == 1 { continuation.yield(Int32(number)) }
        }
    }

    private final class Box: Sendable {
        let continuation: AsyncStream<Int32>.Continuation

        init(_ continuation: AsyncStream<Int32>.Continuation) { self.continuation = continuation }
    }
}
