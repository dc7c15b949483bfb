import Energy
import TransparencyLog

/// What a reader of a node's batches remembers of the last one: names that come again in the same place.
///
/// It decides nothing. A field is taken over only if its bytes are the same as those that were parsed before, so a
/// batch reads the same with any memory and with none.
package struct BatchRecall: Sendable {
    struct Kept<Value: Sendable>: Sendable {
        /// The fields with the space before each.
        var bytes: [UInt8]
        var value: Value
    }

    /// What follows the two values in a sensor's line.
    struct SensorTerms: Sendable {
        var readings: Int64
        var longestGapMilliseconds: Int64
        var bridgedMilliseconds: Int64
        var missingMilliseconds: Int64
        var periodMilliseconds: Int64
        var idlePowerMilliwatts: Int64
        var flags: SensorFlags
    }

    struct Hold: Sendable {
        var job: String
        var mode: AllocationFacts.Mode
        var devices: [DeviceHold]
    }

    /// What follows the CPU time in an allocation's line.
    struct HoldTerms: Sendable {
        var reservedMillicores: Int64
        var heldNanoseconds: Int64?
        var expectedNodes: Int64?
        var rank: Int64?
        var since: UTCTime
        var isActive: Bool
    }

    enum Name { case log, boot, method }

    private var log: Kept<String>?
    private var boot: Kept<String>?
    private var method: Kept<String>?
    var anchor: Kept<TreeHead>?
    var clock: Kept<ClockState>?
    var state: Kept<IntervalFacts.State>?
    /// By the place of their line among the batch's sensors.
    var sensors: [Kept<SensorIdentity>] = []
    var sensorTerms: [Kept<SensorTerms>] = []
    /// By the place of their line among the batch's allocations.
    var holds: [Kept<Hold>] = []
    var holdTerms: [Kept<HoldTerms>] = []

    package init() {}

    subscript(name: Name) -> Kept<String>? {
        get {
            switch name {
            case .log: log
            case .boot: boot
            case .method: method
            }
        }
        set {
            switch name {
            case .log: log = newValue
            case .boot: boot = newValue
            case .method: method = newValue
            }
        }
    }

    static func keep<Value>(_ kept: Kept<Value>, in list: inout [Kept<Value>], at place: Int) {
        if place < list.count { list[place] = kept } else { list.append(kept) }
    }
}
