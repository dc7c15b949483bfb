import Energy
import Sensors
import Synchronization

/// Asks NVIDIA's library every five seconds who works on which GPU, on a thread of its own: a call can hang.
final class GPUWatch: Sendable {
    struct Look: Sendable, Hashable {
        var nanoseconds: Int64
        var boards: [NVMLWork.Board]
    }

    private let source: Mutex<NVMLWork>
    private let looks = Mutex<[Look]>([])
    private let isStopped = Mutex(false)
    private let wakeUp = WakeUp()

    static let periodMilliseconds: Int64 = 5000
    /// Nobody takes them while the measuring thread hangs on the disk.
    private static let maximumLooks = 720

    init(_ source: NVMLWork) { self.source = Mutex(source) }

    func start() {
        AgentThread.start { [self] in
            while !isStopped.withLock({ $0 }) {
                let boards = source.withLock { $0.look() }
                let now = AgentEnvironment.bootNanoseconds()
                looks.withLock { looks in
                    looks.append(Look(nanoseconds: now, boards: boards))
                    if looks.count > Self.maximumLooks { looks.removeFirst() }
                }
                // Without boards there may be some later, with a driver that is loaded then.
                wakeUp.wait(milliseconds: boards.isEmpty ? 12 * Self.periodMilliseconds : Self.periodMilliseconds)
            }
        }
    }

    /// What was seen since this was last asked.
    func take() -> [Look] {
        looks.withLock { looks in
            guard !looks.isEmpty else { return [] }
            defer { looks = [] }
            return looks
        }
    }

    func stop() {
        isStopped.withLock { $0 = true }
        wakeUp.signal()
    }
}
