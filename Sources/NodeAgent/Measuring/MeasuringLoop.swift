import Batches
import Energy
import Sensors
import Synchronization
import TransparencyLog
import Workloads

/// The measuring thread: reads every second, signs what is over, and puts it into the spool.
///
/// It blocks on devices and on the disk, so it is no task. Everything that it owns is touched by this thread alone;
/// others talk to it through orders.
final class MeasuringLoop: Sendable {
    struct Configuration: Sendable {
        var enrolment: Enrolment
        var intervalSeconds: Int64
        var sources: NodeSources
        /// Makes what is read; the sources above, except in tests. Made anew at each discovery.
        var makeSources: @Sendable () -> [any SensorSource]
        var work: ScheduledWork.Configuration
        /// Who works on the GPUs; nil where nobody can tell.
        var gpus: GPUWatch?
        /// Logs of other organizations whose jobs run here.
        var tenants: [TenantLog] = []
        var report: @Sendable (String) -> Void

        var tenancy: Tenancy {
            Tenancy(
                homeLog: enrolment.log, homeSalt: enrolment.jobSalt,
                tenantSalts: Dictionary(tenants.map { ($0.slug, $0.enrolment.jobSalt) }) { first, _ in first })
        }
    }

    enum Order: Sendable {
        case claim(AllocationBook.Claim, id: UInt64)
        case release(UInt64)
        /// Who holds the node under a token.
        case named(token: String, Workload)
        /// What holds the node under a token is no job.
        case dropped(token: String)
        /// What the uplink of the home log told.
        case answer(LogAnswer)
        /// What the uplink of a tenant's log told.
        case tenant(String, LogAnswer)
        case stop
    }

    /// What others may know of the thread's work.
    struct Status: Sendable {
        var isMeasuring = false
        /// Why measuring ended without having been told to.
        var end: String?
        var started: UTCTime?
        var holds: [HoldState] = []
        var sensors: [SensorState] = []
        var batches: Int64 = 0
        var lastBatchUTC: UTCTime?
        var chain: NodeChain.State = .open
        var incarnation: Int64 = 0
        var boundary = "none"
        var faults: Int64 = 0
        var sources: [SourceState] = []
        var states: [ReadingStates.Text] = []
        var residuals: [ResidualWatch.Judgement] = []
        /// Batches with jobs of organizations in whose logs this node is not enrolled, by organization.
        var strangers: [String: Int64] = [:]

        /// Accounts are the operator's words: more organizations than a page can bear are counted as one.
        static let maximumStrangers = 256

        /// Counts a batch in which these organizations had jobs and no log.
        mutating func count(strangers organizations: Set<String>) {
            for organization in organizations {
                let isRoom = strangers[organization] != nil || strangers.count < Self.maximumStrangers
                strangers[isRoom ? organization : "", default: 0] += 1
            }
        }

        /// One job that holds the node.
        struct HoldState: Sendable, Hashable {
            /// Pseudonym and key, nil while nobody has told the name.
            var job: String?
            var key: String?
            /// `slurm`, `kubernetes`, `socket`, `launcher` or `gpu`.
            var toldBy: String
            var since: UTCTime
            /// nil where the job is the home organization's.
            var tenant: String?
        }

        /// One source that was looked for.
        struct SourceState: Sendable, Hashable {
            var name: String
            var found: Int
            /// Why there is nothing, nil where there is something.
            var reason: String?
        }

        struct SensorState: Sendable, Hashable {
            var id: String
            var layer: String
            var provenance: String
            var microjoules: Int64
            var flags: String
        }
    }

    let configuration: Configuration
    let spool: Spool
    let uplink: Uplink
    private let mailbox = Mutex<[Order]>([])
    private let wakeUp = WakeUp()
    private let published = Mutex(Status())
    private let (finished, finishing) = AsyncStream.makeStream(of: Never.self)

    init(configuration: Configuration, spool: Spool, uplink: Uplink) {
        self.configuration = configuration
        self.spool = spool
        self.uplink = uplink
    }

    var status: Status { published.withLock { $0 } }
    func publish(_ change: (inout Status) -> Void) { published.withLock { change(&$0) } }

    func post(_ order: Order) {
        mailbox.withLock { $0.append(order) }
        wakeUp.signal()
    }

    func takeOrders() -> [Order] {
        mailbox.withLock { orders in
            guard !orders.isEmpty else { return [] }
            defer { orders.removeAll() }
            return orders
        }
    }

    /// Runs the thread; returns when it has been told to stop and everything that was measured is in the spool.
    func run() async {
        let isStarted = AgentThread.start { [self] in
            do {
                var course = try MeasuringCourse(self)
                course.run()
            } catch {
                publish { $0.end = "measuring cannot start: \(error)" }
            }
            finishing.finish()
        }
        guard isStarted else { return publish { $0.end = "the system gives no thread to measure on" } }
        for await _ in finished {}
    }

    func wait(milliseconds: Int64) { wakeUp.wait(milliseconds: milliseconds) }
}
