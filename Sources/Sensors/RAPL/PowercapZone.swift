package import Energy

/// One powercap zone (Documentation/power/powercap/powercap.rst, Documentation/ABI/testing/sysfs-class-powercap), known
/// by the content of its `name`, never by its number: `:0` is not always the memory.
package struct PowercapZone: Sendable, Hashable {
    package var domain: Domain
    /// `intel-rapl`, `intel-rapl-mmio`: what stands before the first colon of the zone's directory.
    package var control: String

    package enum Domain: Sendable, Hashable {
        case package(Int, die: Int?)
        case dram
        /// Inside the package: never added.
        case core
        case uncore
        /// The platform around the packages: never added to them.
        case psys
        case unknown(String)
    }

    /// - Returns: nil when the directory is not that of a RAPL zone.
    package init?(directory: String, name: String) {
        let parts = directory.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0].hasPrefix("intel-rapl"), parts.dropFirst().allSatisfy({ UInt16($0) != nil })
        else { return nil }
        control = String(parts[0])
        domain = Self.domain(name)
    }

    static func domain(_ name: String) -> Domain {
        switch name {
        case "dram": return .dram
        case "core": return .core
        case "uncore": return .uncore
        case "psys": return .psys
        default:
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2 || parts.count == 4, parts[0] == "package", let package = UInt16(parts[1])
            else { return .unknown(name) }
            if parts.count == 2 { return .package(Int(package), die: nil) }
            guard parts[2] == "die", let die = UInt16(parts[3]) else { return .unknown(name) }
            return .package(Int(package), die: Int(die))
        }
    }

    /// Whether this is the register window that shows the same package again (drivers/powercap/intel_rapl_msr.c and
    /// processor_thermal_rapl.c register both).
    package var isMemoryMapped: Bool { control.hasSuffix("-mmio") }
}

/// What bounds a zone's counter.
package struct PowercapLimits: Sendable, Hashable {
    /// `max_energy_range_uj`, at which the counter wraps; nil when the kernel states none that can be right.
    package var modulus: UInt64?
    package var maximumPowerMicrowatts: Int64

    /// No part has a counter that wraps below: at a kilowatt it would do so every second.
    static let smallestRangeMicrojoules: UInt64 = 1_000_000_000
    /// A limit above this is not a limit of a part.
    static let believedMicrowatts: UInt64 = 10_000_000_000

    /// - Parameters:
    ///   - range: content of `max_energy_range_uj`.
    ///   - constraints: contents of `constraint_*_max_power_uw`.
    package init(range: UInt64?, constraints: [UInt64], isMemory: Bool) {
        modulus = range.flatMap { (Self.smallestRangeMicrojoules...UInt64(Int64.max)).contains($0) ? $0 : nil }
        let stated = constraints.filter { (1...Self.believedMicrowatts).contains($0) }.max()
        let fallback: Int64 = isMemory ? 200_000_000 : 1_000_000_000
        maximumPowerMicrowatts = stated.map { Int64($0) / 2 * 3 } ?? fallback
    }

    /// A quarter of the time in which the counter can wrap, at most a second and never so short that reading costs.
    package var periodMilliseconds: Int64 {
        SensorDescription.periodMilliseconds(
            wrappingAt: modulus.map { Int128($0) }, maximumPowerMicrowatts: maximumPowerMicrowatts)
    }
}

extension SensorDescription {
    /// A second, and never more than a quarter of the time in which a counter of so many µJ can wrap; not so short that
    /// reading costs.
    static func periodMilliseconds(wrappingAt microjoules: Int128?, maximumPowerMicrowatts: Int64) -> Int64 {
        guard let microjoules else { return 1000 }
        // µJ / µW = s
        let wrap = microjoules * 1000 / Int128(max(1, maximumPowerMicrowatts))
        return Int64(max(50, min(1000, wrap / 4)))
    }

    /// Sets what the part can draw, and with it how often a counter must be read.
    package mutating func bound(maximumPowerMicrowatts power: Int64) {
        maximumPowerMicrowatts = max(0, min(power, ExtendedCounter.powerBoundMicrowatts))
        guard case .energyCounter(let numerator, let denominator, let modulus?) = quantity else { return }
        periodMilliseconds = min(
            periodMilliseconds,
            Self.periodMilliseconds(
                wrappingAt: Int128(modulus) * Int128(numerator) / Int128(max(1, denominator)),
                maximumPowerMicrowatts: maximumPowerMicrowatts))
    }
}

/// One value of `energy_uj`.
enum PowercapEnergy {
    /// - Returns: nil for an empty or torn file and for values above the counter's range, which virtual machines show.
    static func parse(_ bytes: UnsafeRawBufferPointer, modulus: UInt64?) -> UInt64? {
        guard let value = DecimalText.unsigned(bytes.trimmed()) else { return nil }
        if let modulus, value > modulus { return nil }
        return value
    }
}
