package import Energy

/// How the sensors of one batch lie within each other, as far as they were readable.
///
/// A root that was unreadable in the whole batch is passed over and its parts become the roots (RULES section 2).
package struct SensorTree: Sendable {
    /// Indexes of the roots, in the batch's order.
    package private(set) var roots: [Int] = []
    /// For each sensor, the readable sensors directly within it.
    package private(set) var parts: [[Int]]

    /// The tree of a batch, taken from the one before where its sensors are the same ones.
    ///
    /// - Parameter known: the last tree and the sensors that it was made of; renewed when they are others.
    package init(_ sensors: [SensorFacts], known: inout (sensors: [SensorFacts], tree: SensorTree)?) {
        if let known, Self.isSame(known.sensors, sensors) {
            self = known.tree
            return
        }
        self.init(sensors)
        known = (sensors, self)
    }

    private static func isSame(_ left: [SensorFacts], _ right: [SensorFacts]) -> Bool {
        let (left, right) = (left.span, right.span)
        guard left.count == right.count else { return false }
        for index in left.indices
        where left[index].identity !== right[index].identity
            || Self.isBlind(left[index].readings, left[index].flags)
                != Self.isBlind(right[index].readings, right[index].flags)
        { return false }
        return true
    }

    /// `SensorFacts.isBlind` from the two fields alone, so that the whole sensor is not copied for it.
    private static func isBlind(_ readings: Int64, _ flags: SensorFlags) -> Bool {
        readings == 0 && !flags.isDisjoint(with: .unreadable)
    }

    /// Energy of the roots, in which every other sensor is contained.
    package func advanceMicrojoules(_ sensors: [SensorFacts]) -> Int128 {
        var sum: Int128 = 0
        let sensors = sensors.span
        for root in roots { sum += sensors[root].advanceMicrojoules }
        return sum
    }

    package init(_ sensors: [SensorFacts]) {
        parts = Array(repeating: [], count: sensors.count)
        let indexes = Indexes(sensors)
        for index in sensors.indices where !sensors[index].isBlind {
            if let parent = Self.readableParent(of: index, sensors, indexes) {
                parts[parent].append(index)
            } else {
                roots.append(index)
            }
        }
    }

    /// Where a sensor of some identity stands, the first of several. A usual node's few sensors are looked through: the
    /// one around the others comes first, and a dictionary for each batch costs more than all of its postings.
    private struct Indexes {
        private let sensors: [SensorFacts]
        private var byID: [String: Int]?

        init(_ sensors: [SensorFacts]) {
            self.sensors = sensors
            guard sensors.count > 32 else { return }
            byID = Dictionary(zip(sensors.lazy.map(\.id), sensors.indices)) { first, _ in first }
        }

        subscript(id: String) -> Int? {
            if let byID { return byID[id] }
            return sensors.indices.first { sensors[$0].id == id }
        }
    }

    /// The nearest readable sensor around this one. A chain of containment that runs in a circle has no root: its first
    /// member is taken for one, so that no energy is lost and none is counted twice.
    private static func readableParent(of index: Int, _ sensors: [SensorFacts], _ indexes: Indexes) -> Int? {
        var parent: Int?
        var current = index
        for _ in 0..<sensors.count {
            guard let name = sensors[current].within, let next = indexes[name] else { return parent }
            if next == index { return nil }
            if parent == nil, !sensors[next].isBlind { parent = next }
            current = next
        }
        // The walk never ended, so the sensor hangs on a circle that it is not part of.
        return parent
    }

    package func boundary(of root: Layer) -> Boundary {
        switch root {
        case .facility: .facility
        case .nodeAC: .nodeAC
        case .nodeDC: .nodeDC
        case .gpu: .accelerator
        case .network: .network
        case .module, .package, .dram: .component
        }
    }

    /// What a sensor of this layer without measured parts stands for.
    package func component(of layer: Layer) -> Component {
        switch layer {
        case .gpu, .module: .accelerator
        case .package: .cpu
        case .dram: .dram
        case .network: .network
        case .facility, .nodeAC, .nodeDC: .rest
        }
    }

    /// Time of the interval that some root measured, and time that some root can only bridge: a union over the roots.
    package func knownMilliseconds(_ sensors: [SensorFacts], of duration: Int64) -> (measured: Int64, bridged: Int64) {
        let sensors = sensors.span
        var measured: Int64 = 0
        var known: Int64 = 0
        for root in roots {
            let missing = min(duration, max(0, sensors[root].missingMilliseconds))
            let bridged = min(duration - missing, max(0, sensors[root].bridgedMilliseconds))
            measured = max(measured, duration - missing - bridged)
            known = max(known, duration - missing)
        }
        return (measured, known - measured)
    }
}
