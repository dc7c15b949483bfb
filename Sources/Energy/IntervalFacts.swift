/// What one agent knows about one interval: the signed facts from which every posting follows, and nothing else.
package struct IntervalFacts: Sendable, Hashable {
    package var interval: UTCInterval
    /// CLOCK_BOOTTIME at both ends, nil for recorded data, whose time is only claimed.
    package var monotonic: MonotonicInterval?
    package var state: State
    /// The node's processors, nil where they play no part (recorded node power).
    package var host: HostFacts?
    package var sensors: [SensorFacts]
    package var allocations: [AllocationFacts]
    /// In an extract for a tenant: the sum of everybody else on the node.
    package var others: OtherTenants?

    package init(
        interval: UTCInterval, monotonic: MonotonicInterval?, state: State, host: HostFacts?, sensors: [SensorFacts],
        allocations: [AllocationFacts], others: OtherTenants? = nil
    ) {
        self.interval = interval
        self.monotonic = monotonic
        self.state = state
        self.host = host
        self.sensors = sensors
        self.allocations = allocations
        self.others = others
    }

    package enum State: String, Sendable, Hashable, CaseIterable {
        case measured
        /// Written after a restart, from the last signed value to now: energy is known, its shape and some holders are
        /// not.
        case outage
    }

    /// Length by the monotonic clock, by the claimed UTC where there is none; never below zero.
    package var durationNanoseconds: Int64 {
        if let monotonic { return max(0, monotonic.endNanoseconds &- monotonic.startNanoseconds) }
        let (nanoseconds, overflow) = interval.durationMicroseconds.multipliedReportingOverflow(by: 1000)
        return overflow ? .max : max(0, nanoseconds)
    }

    /// Milliseconds that the interval covers of its jobs' time: those of its UTC, by which holds are told. A clock that
    /// was set back leaves an interval less UTC than it lasted, or none, because it begins where the one before ended;
    /// then they are those that it lasted.
    package var coveredMilliseconds: Int64 {
        let claimed = interval.durationMilliseconds
        guard monotonic != nil, case let lasted = durationNanoseconds / 1_000_000,
            lasted - claimed > Self.steppedMilliseconds
        else { return claimed }
        return lasted
    }

    /// Clocks that are slewed differ by less in an interval.
    private static let steppedMilliseconds: Int64 = 50
}

/// A span of CLOCK_BOOTTIME of one boot.
package struct MonotonicInterval: Sendable, Hashable {
    package var startNanoseconds: Int64
    package var endNanoseconds: Int64

    package init(startNanoseconds: Int64, endNanoseconds: Int64) {
        self.startNanoseconds = startNanoseconds
        self.endNanoseconds = endNanoseconds
    }
}

/// The node's processors in one interval.
package struct HostFacts: Sendable, Hashable {
    package var millicores: Int64
    /// CPU time of processes that belong to no allocation.
    package var unheldCPUMicroseconds: Int64

    package init(millicores: Int64, unheldCPUMicroseconds: Int64) {
        self.millicores = millicores
        self.unheldCPUMicroseconds = unheldCPUMicroseconds
    }
}

/// One sensor over one interval.
package struct SensorFacts: Sendable, Hashable, Codable {
    /// What the sensor is. Batches of one node share it, so that a sensor's facts are copied with one reference.
    package private(set) var identity: SensorIdentity
    package var epoch: Int64
    /// Extended counter, or signed integral, at both ends. The last of one batch is the first of the next.
    package var firstMicrojoules: Int64
    package var lastMicrojoules: Int64
    package var readings: Int64
    package var longestGapMilliseconds: Int64
    /// Time inside the interval between readings further apart than max(5 s, 3 × period): energy known, shape not.
    package var bridgedMilliseconds: Int64
    /// Time inside the interval of which nothing is known: unreadable, or a counter that reset.
    package var missingMilliseconds: Int64
    package var periodMilliseconds: Int64
    package var idlePowerMilliwatts: Int64
    package var flags: SensorFlags

    package init(
        identity: SensorIdentity, epoch: Int64, firstMicrojoules: Int64, lastMicrojoules: Int64, readings: Int64,
        longestGapMilliseconds: Int64, bridgedMilliseconds: Int64, missingMilliseconds: Int64,
        periodMilliseconds: Int64, idlePowerMilliwatts: Int64, flags: SensorFlags
    ) {
        self.identity = identity
        self.epoch = epoch
        self.firstMicrojoules = firstMicrojoules
        self.lastMicrojoules = lastMicrojoules
        self.readings = readings
        self.longestGapMilliseconds = longestGapMilliseconds
        self.bridgedMilliseconds = bridgedMilliseconds
        self.missingMilliseconds = missingMilliseconds
        self.periodMilliseconds = periodMilliseconds
        self.idlePowerMilliwatts = idlePowerMilliwatts
        self.flags = flags
    }

    package init(
        id: String, kind: String, layer: Layer, within: String?, provenance: Provenance, epoch: Int64,
        firstMicrojoules: Int64, lastMicrojoules: Int64, readings: Int64, longestGapMilliseconds: Int64,
        bridgedMilliseconds: Int64, missingMilliseconds: Int64, periodMilliseconds: Int64, idlePowerMilliwatts: Int64,
        flags: SensorFlags
    ) {
        self.init(
            identity: SensorIdentity(id: id, kind: kind, layer: layer, within: within, provenance: provenance),
            epoch: epoch, firstMicrojoules: firstMicrojoules, lastMicrojoules: lastMicrojoules, readings: readings,
            longestGapMilliseconds: longestGapMilliseconds, bridgedMilliseconds: bridgedMilliseconds,
            missingMilliseconds: missingMilliseconds, periodMilliseconds: periodMilliseconds,
            idlePowerMilliwatts: idlePowerMilliwatts, flags: flags)
    }

    package var id: String {
        @inlinable get { identity.id }
        set { identity = identity.with(id: newValue) }
    }
    package var kind: String { identity.kind }
    package var layer: Layer {
        @inlinable get { identity.layer }
        set { identity = identity.with(layer: newValue) }
    }
    package var within: String? {
        @inlinable get { identity.within }
        set { identity = identity.with(within: newValue) }
    }
    package var provenance: Provenance {
        @inlinable get { identity.provenance }
        set { identity = identity.with(provenance: newValue) }
    }

    /// Energy of the interval. Both ends are 64-bit, so the difference is 128-bit.
    @inlinable package var advanceMicrojoules: Int128 { Int128(lastMicrojoules) - Int128(firstMicrojoules) }

    /// Nothing was read in the whole interval, so the sensor cannot be a root of it.
    @inlinable package var isBlind: Bool { readings == 0 && !flags.isDisjoint(with: .unreadable) }
}

/// Named states of a sensor in one interval.
package struct SensorFlags: OptionSet, Sendable, Hashable, Codable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// No reading at or after the cut arrived in time; the last value stands for it.
    package static let held = SensorFlags(rawValue: 1 << 0)
    package static let wrapped = SensorFlags(rawValue: 1 << 1)
    package static let reset = SensorFlags(rawValue: 1 << 2)
    /// An advance above what the part can draw.
    package static let suspect = SensorFlags(rawValue: 1 << 3)
    /// The value did not move although readings came.
    package static let stale = SensorFlags(rawValue: 1 << 4)
    package static let denied = SensorFlags(rawValue: 1 << 5)
    package static let gone = SensorFlags(rawValue: 1 << 6)
    package static let malformed = SensorFlags(rawValue: 1 << 7)
    package static let failed = SensorFlags(rawValue: 1 << 8)
    package static let timedOut = SensorFlags(rawValue: 1 << 9)
    package static let unsupported = SensorFlags(rawValue: 1 << 10)
    package static let inactive = SensorFlags(rawValue: 1 << 11)
    /// Time stamps that ran backwards or stood still were put into stable order.
    package static let reordered = SensorFlags(rawValue: 1 << 12)

    package static let unreadable: SensorFlags = [
        .denied, .gone, .malformed, .failed, .timedOut, .unsupported, .inactive,
    ]

    /// Every flag with its word in a batch, in the only order in which a batch may list them.
    package static let words: [(flag: SensorFlags, word: String)] = [
        (.held, "held"), (.wrapped, "wrapped"), (.reset, "reset"), (.suspect, "suspect"), (.stale, "stale"),
        (.denied, "denied"), (.gone, "gone"), (.malformed, "malformed"), (.failed, "failed"),
        (.timedOut, "timed-out"), (.unsupported, "unsupported"), (.inactive, "inactive"), (.reordered, "reordered"),
    ]

    package init(_ reason: UnreadableReason) {
        switch reason {
        case .denied: self = .denied
        case .gone: self = .gone
        case .malformed: self = .malformed
        case .failed: self = .failed
        case .timedOut: self = .timedOut
        case .unsupported: self = .unsupported
        case .inactive: self = .inactive
        }
    }
}

/// One job's hold on the node in one interval.
package struct AllocationFacts: Sendable, Hashable {
    /// Pseudonym of the job: 26 characters of base32.
    package var job: String
    package var mode: Mode
    package var devices: [DeviceHold]
    package var cpuMicroseconds: Int64
    package var reservedMillicores: Int64
    /// How long the hold lasted where cuts under a second apart were joined, nil for the whole interval.
    package var heldNanoseconds: Int64?
    /// Nodes that the job should run on, nil when nobody said.
    package var expectedNodes: Int64?
    /// This node's rank among them.
    package var rank: Int64?
    /// When the hold began; an outage batch proves its holders by it.
    package var since: UTCTime
    /// Whether a task process of the job ran. Without one the energy is the job's reserved idle.
    package var isActive: Bool

    package init(
        job: String, mode: Mode, devices: [DeviceHold] = [], cpuMicroseconds: Int64 = 0, reservedMillicores: Int64 = 0,
        heldNanoseconds: Int64? = nil, expectedNodes: Int64? = nil, rank: Int64? = nil, since: UTCTime,
        isActive: Bool = true
    ) {
        self.job = job
        self.mode = mode
        self.devices = devices
        self.cpuMicroseconds = cpuMicroseconds
        self.reservedMillicores = reservedMillicores
        self.heldNanoseconds = heldNanoseconds
        self.expectedNodes = expectedNodes
        self.rank = rank
        self.since = since
        self.isActive = isActive
    }

    package enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Everything of the node is the job's.
        case exclusive
        case shared
        /// A shared hold of another organization, in the node's home log: its share is posted to `tenant`.
        case tenant
    }
}

/// One accelerator that an allocation holds.
package struct DeviceHold: Sendable, Hashable {
    package var sensor: String
    /// Measured share of a device that several hold, in any common unit; nil when there is no measurement.
    package var weight: Int64?

    package init(sensor: String, weight: Int64? = nil) {
        self.sensor = sensor
        self.weight = weight
    }
}

/// Everybody but the tenant, in an extract (RULES section 4).
package struct OtherTenants: Sendable, Hashable {
    package var reservedMillicores: Int64
    package var cpuMicroseconds: Int64
    package var devices: [DeviceHold]

    package init(reservedMillicores: Int64, cpuMicroseconds: Int64, devices: [DeviceHold]) {
        self.reservedMillicores = reservedMillicores
        self.cpuMicroseconds = cpuMicroseconds
        self.devices = devices
    }
}
