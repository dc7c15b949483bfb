import Energy

/// What a reader of many batches remembers of the last one: names that come again in the same place.
///
/// It decides nothing. A field is taken over only if its bytes are the same as those that were parsed before, so a
/// batch reads the same with any memory and with none.
package struct BatchRecall: Sendable {
    struct Kept<Value: Sendable>: Sendable {
        /// The fields with the space before each.
        var bytes: [UInt8]
        var value: Value
    }

    struct Hold: Sendable {
        var job: String
        var mode: AllocationFacts.Mode
        var devices: [DeviceHold]
    }

    enum Name { case log, boot, method }

    private var log: Kept<String>?
    private var boot: Kept<String>?
    private var method: Kept<String>?
    /// By the place of their line among the batch's sensors.
    private(set) var sensors: [Kept<SensorIdentity>] = []
    private(set) var holds: [Kept<Hold>] = []

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

    mutating func keep(sensor: SensorIdentity, _ bytes: [UInt8], at place: Int) {
        let kept = Kept(bytes: bytes, value: sensor)
        if place < sensors.count { sensors[place] = kept } else { sensors.append(kept) }
    }

    mutating func keep(hold: Hold, _ bytes: [UInt8], at place: Int) {
        let kept = Kept(bytes: bytes, value: hold)
        if place < holds.count { holds[place] = kept } else { holds.append(kept) }
    }
}
