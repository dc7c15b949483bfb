package import Energy

/// What one account drew on one node by one kind of reading, hour by hour.
///
/// A year of a thousand nodes has some nine million hours in some eighty thousand lines. Hours stand side by side in
/// memory, in 64 bits as far as they fit.
package struct EnergyLine: Sendable {
    /// Microjoules of one hour by component, less what is in `excess`.
    package struct Hour: Sendable, Hashable {
        /// Number of the hour in the ledger.
        package var slot: Int32
        package var accelerator: Int64 = 0
        package var cpu: Int64 = 0
        package var dram: Int64 = 0
        package var rest: Int64 = 0
        package var network: Int64 = 0

        package var total: Int128 {
            Int128(accelerator) + Int128(cpu) + Int128(dram) + Int128(rest) + Int128(network)
        }

        /// - Returns: false when a sum does not fit; nothing changed then.
        fileprivate mutating func add(_ microjoules: Int64, _ component: Component) -> Bool {
            switch component {
            case .accelerator: Self.add(microjoules, to: &accelerator)
            case .cpu: Self.add(microjoules, to: &cpu)
            case .dram: Self.add(microjoules, to: &dram)
            case .rest: Self.add(microjoules, to: &rest)
            case .network: Self.add(microjoules, to: &network)
            }
        }

        private static func add(_ microjoules: Int64, to sum: inout Int64) -> Bool {
            let (result, overflow) = sum.addingReportingOverflow(microjoules)
            if !overflow { sum = result }
            return !overflow
        }
    }

    package let account: Account
    /// Number of the node in the ledger.
    package let node: Int32
    package let provenance: Provenance
    package let boundary: Boundary
    /// In the order of time.
    package private(set) var hours: [Hour] = []
    /// What did not fit into 64 bits, by the number of its hour: no node's nonsense may be lost or wrap around.
    package private(set) var excess: [Int32: ComponentEnergy] = [:]

    /// What a job drew while it held devices and ran nothing.
    package var isIdleReserved: Bool { if case .idleReserved = account { true } else { false } }

    init(account: Account, node: Int32, provenance: Provenance, boundary: Boundary) {
        self.account = account
        self.node = node
        self.provenance = provenance
        self.boundary = boundary
    }

    /// A line as it was kept, its hours in the order of time.
    init(
        account: Account, node: Int32, provenance: Provenance, boundary: Boundary, hours: [Hour],
        excess: [Int32: ComponentEnergy]
    ) {
        self.init(account: account, node: node, provenance: provenance, boundary: boundary)
        self.hours = hours
        self.excess = excess
    }

    /// - Parameter times: hours since 1970 by their numbers.
    mutating func add(_ microjoules: Int64, _ component: Component, at slot: Int32, _ times: [Int64]) {
        let place = place(of: slot, times)
        if !hours[place].add(microjoules, component) { keep(Int128(microjoules), component, slot) }
    }

    mutating func add(_ sum: ComponentEnergy, at slot: Int32, _ times: [Int64]) {
        let place = place(of: slot, times)
        for component in Component.allCases where sum[component] != 0 {
            if let narrow = Int64(exactly: sum[component]), hours[place].add(narrow, component) { continue }
            keep(sum[component], component, slot)
        }
    }

    private mutating func keep(_ microjoules: Int128, _ component: Component, _ slot: Int32) {
        excess[slot, default: ComponentEnergy()][component] += microjoules
    }

    /// Batches of a chain come in the order of time, so that nearly always it is the last hour or a new one behind it.
    private mutating func place(of slot: Int32, _ times: [Int64]) -> Int {
        if !hours.isEmpty, case let last = hours[hours.count - 1].slot {
            if last == slot { return hours.count - 1 }
            if times[Int(slot)] < times[Int(last)] {
                let place = hours.partitioningIndex { times[Int($0.slot)] >= times[Int(slot)] }
                if hours[place].slot != slot { hours.insert(Hour(slot: slot), at: place) }
                return place
            }
        }
        hours.append(Hour(slot: slot))
        return hours.count - 1
    }

    /// The whole sum of an hour.
    package func energy(_ hour: Hour) -> ComponentEnergy {
        var sum = excess.isEmpty ? ComponentEnergy() : excess[hour.slot] ?? ComponentEnergy()
        sum.add(hour)
        return sum
    }
}

extension Array {
    /// The first place at which a condition holds that holds from there on.
    func partitioningIndex(where isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
