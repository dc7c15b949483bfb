import Synchronization

/// Connections, each owned by one thread, that share one queue of work.
///
/// A broken connection is replaced before the next job. Nothing is sent twice here: work that was on its way when the
/// connection broke fails with `.connectionLost`, and the caller, who knows whether it is idempotent, decides.
package final class ConnectionPool: Sendable {
    package struct Limits: Sendable {
        /// Threads and connections.
        package var connections: Int
        /// Jobs that may wait; one more fails with `.overloaded`.
        package var waiting: Int
        /// How long a job waits for a server that is away before it fails with `.unavailable`.
        package var patienceSeconds: Int

        package init(connections: Int = 4, waiting: Int = 1_024, patienceSeconds: Int = 10) {
            self.connections = max(1, connections)
            self.waiting = max(1, waiting)
            self.patienceSeconds = max(0, patienceSeconds)
        }
    }

    private let queue: JobQueue
    private let limits: Limits
    private let lastNumber = Atomic<UInt64>(0)

    /// Starts the threads; they connect when there is work.
    package init(_ target: ConnectionTarget, limits: Limits = Limits()) throws(StoreError) {
        queue = JobQueue(limit: limits.waiting)
        self.limits = limits
        for number in 0..<limits.connections {
            let queue = queue
            queue.workerStarted()
            do throws(StoreError) {
                try DedicatedThread.start("store-\(number)") {
                    ConnectionWorker(target: target, queue: queue).run()
                    queue.workerEnded()
                }
            } catch {
                queue.workerEnded()
                queue.close {}
                throw error
            }
        }
    }

    deinit { queue.close {} }

    /// Runs `body` on one of the connections.
    ///
    /// Cancelling the task takes the job back only while it waits; what the server has begun is finished.
    package func run<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
                let job = JobQueue.Job(
                    number: number,
                    deadlineNanoseconds: monotonicNanoseconds() + Int64(limits.patienceSeconds) * 1_000_000_000,
                    perform: { connection in
                        continuation.resume(returning: Result { () throws(StoreError) in try body(connection) })
                    },
                    fail: { continuation.resume(returning: .failure($0)) })
                if let refusal = queue.add(job) { job.fail(refusal) }
            }
        } onCancel: {
            queue.cancel(number)
        }
        return try outcome.get()
    }

    /// Finishes what is queued, then closes every connection.
    package func close() async {
        await withCheckedContinuation { continuation in
            queue.close { continuation.resume() }
        }
    }
}

/// One thread's loop.
private struct ConnectionWorker {
    let target: ConnectionTarget
    let queue: JobQueue

    func run() {
        var connection: Connection?
        var backOff = BackOff(shortestNanoseconds: 20_000_000, longestNanoseconds: 2_000_000_000)
        while let job = queue.next() {
            if connection?.isAlive != true { connection = nil }
            connection = connection ?? connect(for: job, &backOff)
            guard let usable = connection else { continue }
            job.perform(usable)
            // Work that left a transaction open must not lend it to the next.
            usable.rollBackIfOpen()
            if !usable.isIdle { connection = nil }
        }
    }

    /// Tries until the job's patience ends; then the job has been failed and there is no connection.
    private func connect(for job: JobQueue.Job, _ backOff: inout BackOff) -> Connection? {
        while true {
            do throws(StoreError) {
                let connection = try Connection(target)
                backOff.reset()
                return connection
            } catch {
                let next = monotonicNanoseconds() + backOff.pause()
                guard next < job.deadlineNanoseconds, queue.pause(until: next) else {
                    job.fail(error)
                    return nil
                }
            }
        }
    }
}
