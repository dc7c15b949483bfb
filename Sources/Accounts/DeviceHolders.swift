import Energy

/// Which allocations of a batch hold each accelerator.
///
/// The batches of a node name the same sensors and devices for as long as its jobs stay: what was found for one of them
/// is taken again, as long as every name is the same.
package struct DeviceHolders: Sendable {
    struct Holder: Sendable {
        /// Place among the allocations.
        var allocation: Int
        /// The measured share, nil where there is none.
        var weight: Int64?
    }

    private var sensors: [SensorIdentity] = []
    private var devices: [[DeviceHold]] = []
    /// Sensor by sensor, each in the order of the allocations.
    private var holders: [Holder] = []
    /// For each sensor, where its holders end.
    private var ends: [Int] = []

    package init() {}

    /// - Parameter sensor: its place in the batch.
    func holders(of sensor: Int) -> ArraySlice<Holder> { holders[(sensor > 0 ? ends[sensor - 1] : 0)..<ends[sensor]] }

    mutating func find(_ facts: IntervalFacts, _ tree: SensorTree) {
        if isKnown(facts) { return }
        sensors = facts.sensors.map(\.identity)
        devices = facts.allocations.map(\.devices)
        holders.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        for sensor in sensors {
            if tree.component(of: sensor.layer) == .accelerator {
                for (allocation, devices) in devices.enumerated() {
                    guard let hold = devices.first(where: { $0.sensor == sensor.id }) else { continue }
                    holders.append(Holder(allocation: allocation, weight: hold.weight))
                }
            }
            ends.append(holders.count)
        }
    }

    private func isKnown(_ facts: IntervalFacts) -> Bool {
        let (sensors, allocations) = (facts.sensors.span, facts.allocations.span)
        guard sensors.count == self.sensors.count, allocations.count == devices.count else { return false }
        for index in sensors.indices where sensors[index].identity !== self.sensors[index] { return false }
        for index in allocations.indices where allocations[index].devices != devices[index] { return false }
        return true
    }
}
