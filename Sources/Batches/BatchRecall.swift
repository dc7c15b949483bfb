import Energy
import TransparencyLog

/// What a reader of a node's batches remembers of the last one: names that come again in the same place.
///
/// It decides nothing. A field is taken over only if its bytes are the same as those that were parsed before, so a
/// batch reads the same with any memory and with none.
package struct BatchRecall: Sendable {
    struct Kept<Value: Sendable>: Sendable {
        /// The fields with the space before each, as they stand in `spelling`.
        var fields: Range<Int>
        var value: Value
    }

    /// How all that is kept is spelled, in one piece: batches are compared with it from first to last, and memory that
    /// is read in order is there in time.
    private(set) var spelling: [UInt8] = []

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

    /// Fields with what they say, in the place of those that are kept no more if there is room.
    mutating func keep<Value>(
        _ value: Value, _ fields: ArraySlice<UInt8>, insteadOf old: Kept<Value>?
    ) -> Kept<Value> {
        var start = spelling.count
        if let old, fields.count <= old.fields.count {
            start = old.fields.lowerBound
            spelling.replaceSubrange(start..<start + fields.count, with: fields)
        } else {
            spelling += fields
        }
        return Kept(fields: start..<start + fields.count, value: value)
    }

    static func keep<Value>(_ kept: Kept<Value>, in list: inout [Kept<Value>], at place: Int) {
        if place < list.count { list[place] = kept } else { list.append(kept) }
    }

    static func kept<Value>(in list: [Kept<Value>], at place: Int) -> Kept<Value>? {
        place < list.count ? list[place] : nil
    }

    /// Bytes of texts that are kept: at most twice those of the text that was read last.
    package var byteCount: Int { spelling.count }

    /// Forgets all once what is kept no more takes as much room as the batch that was read.
    mutating func tidy(after text: ArraySlice<UInt8>) {
        if byteCount > 2 * text.count { self = Self() }
    }
}
