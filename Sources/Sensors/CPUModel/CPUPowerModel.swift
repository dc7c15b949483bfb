/// Energy of the processors from their utilisation: a straight line from idle to full power.
///
/// Both inputs, time since boot and busy time since boot, are cumulative, so the energy is a function of one reading: a
/// missed reading or a restart of the agent loses nothing.
package struct CPUPowerModel: Sendable, Hashable {
    /// Power of all processors together when idle and when all are busy.
    package var idleMilliwatts: Int64
    package var fullMilliwatts: Int64
    package var processors: Int64
    package var ticksPerSecond: Int64
    /// Where the two figures come from, in words.
    package var origin: String

    /// Bound of a machine: a megawatt.
    package static let maximumMilliwatts: Int64 = 1_000_000_000

    /// - Returns: nil when the figures do not make a rising line or are beyond every machine.
    package init?(
        idleMilliwatts: Int64, fullMilliwatts: Int64, processors: Int64, ticksPerSecond: Int64, origin: String
    ) {
        guard (0...fullMilliwatts).contains(max(idleMilliwatts, -1)), fullMilliwatts <= Self.maximumMilliwatts,
            (1...1_000_000).contains(processors), (1...1_000_000).contains(ticksPerSecond)
        else { return nil }
        self.idleMilliwatts = idleMilliwatts
        self.fullMilliwatts = fullMilliwatts
        self.processors = processors
        self.ticksPerSecond = ticksPerSecond
        self.origin = origin
    }

    /// Without figures of the machine: 0.74 W idle and 3.5 W full for each logical processor, the averages over server
    /// processors in the Cloud Carbon Footprint methodology (AWS constants MIN_WATTS_AVG and MAX_WATTS_AVG of
    /// packages/aws/src/domain/AwsFootprintEstimationConstants.ts, commit 0656d555, from SPECpower_ssj2008 results;
    /// https://www.cloudcarbonfootprint.org/docs/methodology/).
    package static func unknownMachine(processors: Int64, ticksPerSecond: Int64) -> CPUPowerModel? {
        CPUPowerModel(
            idleMilliwatts: 740 * processors, fullMilliwatts: 3500 * processors, processors: processors,
            ticksPerSecond: ticksPerSecond,
            origin: "average server processor, Cloud Carbon Footprint methodology; not of this machine")
    }

    /// Energy since boot in microjoules, rounded down.
    package func microjoules(sinceBootNanoseconds: Int64, busyTicks: UInt64) -> UInt64? {
        guard sinceBootNanoseconds >= 0 else { return nil }
        // mW · ns = pJ; a tick is 10^12 / ticksPerSecond ps, and mW · ps = 10^-15 J.
        let idle = Int128(idleMilliwatts) * Int128(sinceBootNanoseconds)
        let span = Int128(fullMilliwatts - idleMilliwatts)
        let busy = span * Int128(busyTicks) * 1_000_000_000 / (Int128(ticksPerSecond) * Int128(processors))
        return UInt64(exactly: (idle + busy) / 1_000_000)
    }

    /// The model and its parameters, for the record.
    package var parameters: String {
        "linear-utilisation/1 idle_mw=\(idleMilliwatts) full_mw=\(fullMilliwatts) cpus=\(processors) "
            + "tick_hz=\(ticksPerSecond) busy=user+nice+system+irq+softirq origin=\(origin)"
    }
}
