import NIOCore
import NIOPosix

/// The loop of the network as the one thread that tasks run on.
///
/// Swift's own pool gives each step of a task to another thread, and once one of its threads has run, the dispatch
/// library looks after the pool every second for as long as the program lives (`_dispatch_workq_monitor_pools`). On a
/// node that is to be left alone each of these is a wake-up. What runs here must not wait for the network by blocking:
/// the loop would wait for itself.
package final class NetworkLoop: TaskExecutor {
    private let loop: any EventLoop

    private init(_ loop: any EventLoop) { self.loop = loop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Whether the caller runs on the loop.
    package var isCurrent: Bool { loop.inEventLoop }

    /// Runs tasks on a loop of the program's, with all their child tasks.
    package static let shared = NetworkLoop(MultiThreadedEventLoopGroup.singleton.next())

    /// Waits by a timer of the loop; one of the dispatch library would start the pool.
    ///
    /// - Throws: when the task is cancelled.
    package static func pause(milliseconds: Int64) async throws {
        let timer = shared.loop.scheduleTask(in: .milliseconds(milliseconds)) {}
        try await withTaskCancellationHandler {
            try await timer.futureResult.get()
        } onCancel: {
            timer.cancel()
        }
    }
}
