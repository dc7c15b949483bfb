/// What one sensor of a node is. Identity is stable across restarts and index changes: a GPU's UUID, a powercap zone's
/// name, a BMC's sensor id with its measurement point, never an index.
package struct SensorDescription: Sendable, Hashable {
    /// Stable identity, 1 to 128 bytes of `[A-Za-z0-9._:/-]`, for example `rapl:package-0`.
    package var id: String
    /// The source's name as the batch states it: `nvml`, `rapl`, `hwmon`, `dcmi`, `mlperf` …, 1 to 32 of the same
    /// bytes.
    package var kind: String
    package var layer: Layer
    /// The sensor whose reading includes this one, or nil for a root.
    package var within: String?
    package var provenance: Provenance
    package var quantity: Quantity
    /// The most that the part can draw, with the margin of RULES section 2; bounds wraps and marks suspect advances.
    package var maximumPowerMicrowatts: Int64
    /// The part's idle power for the attribution of package and DRAM, 0 when it is not known.
    package var idlePowerMilliwatts: Int64
    /// How often the source itself refreshes, in milliseconds.
    package var refreshMilliseconds: Int64
    /// The agent's sampling period for this sensor, in milliseconds.
    package var periodMilliseconds: Int64

    package init(
        id: String, kind: String, layer: Layer, within: String? = nil, provenance: Provenance, quantity: Quantity,
        maximumPowerMicrowatts: Int64, idlePowerMilliwatts: Int64 = 0, refreshMilliseconds: Int64 = 1000,
        periodMilliseconds: Int64 = 1000
    ) {
        self.id = id
        self.kind = kind
        self.layer = layer
        self.within = within
        self.provenance = provenance
        self.quantity = quantity
        self.maximumPowerMicrowatts = maximumPowerMicrowatts
        self.idlePowerMilliwatts = idlePowerMilliwatts
        self.refreshMilliseconds = refreshMilliseconds
        self.periodMilliseconds = periodMilliseconds
    }

    /// What the raw value of a reading means.
    package enum Quantity: Sendable, Hashable {
        /// A cumulative counter in units of `microjoulesNumerator / microjoulesDenominator` µJ. `modulus` is the value
        /// at which it wraps, in counter units (`max_energy_range_uj` exactly for powercap), or nil when it never wraps
        /// within a machine's life.
        case energyCounter(microjoulesNumerator: Int64, microjoulesDenominator: Int64, modulus: UInt64?)
        /// Instantaneous or averaged power in µW, integrated by `rule`.
        case power(rule: IntegrationRule)

        /// A counter of microjoules.
        package static func microjouleCounter(modulus: UInt64? = nil) -> Quantity {
            .energyCounter(microjoulesNumerator: 1, microjoulesDenominator: 1, modulus: modulus)
        }
    }

    /// Bytes that an identity or kind may have.
    package static func isWellFormed(_ name: String, maximumBytes: Int = 128) -> Bool {
        let bytes = name.utf8
        guard (1...maximumBytes).contains(bytes.count) else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
                UInt8(ascii: "/"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// How power readings become energy between two consecutive readings in stable time order.
package enum IntegrationRule: String, Sendable, Hashable, CaseIterable {
    /// The mean of both readings over the time between them; at a cut, power is interpolated linearly.
    case trapezoid
    /// The later reading over the time since the earlier one (the MLPerf power rule); at a cut, the later reading.
    case right
}
