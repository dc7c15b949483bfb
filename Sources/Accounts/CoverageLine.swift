/// How much of one job's time on one node is known, hour by hour.
package struct CoverageLine: Sendable {
    package struct Hour: Sendable, Hashable {
        /// Number of the hour in the ledger.
        package var slot: Int32
        package var sum: Ledger.Coverage
    }

    package let job: String
    /// Number of the node in the ledger.
    package let node: Int32
    /// In the order of time.
    package private(set) var hours: [Hour] = []
    /// Over all hours; nil before the first.
    package private(set) var whole: Ledger.Coverage?

    init(job: String, node: Int32) {
        self.job = job
        self.node = node
    }

    /// A line as it was kept, its hours in the order of time.
    init(job: String, node: Int32, hours: [Hour]) {
        self.init(job: job, node: node)
        self.hours = hours
        for hour in hours {
            if whole == nil { whole = hour.sum } else { whole?.add(hour.sum) }
        }
    }

    /// - Parameter times: hours since 1970 by their numbers.
    mutating func add(_ sum: Ledger.Coverage, at slot: Int32, _ times: [Int64]) {
        if whole == nil { whole = sum } else { whole?.add(sum) }
        if let last = hours.last {
            if last.slot == slot { return hours[hours.count - 1].sum.add(sum) }
            if times[Int(slot)] < times[Int(last.slot)] {
                let place = hours.partitioningIndex { times[Int($0.slot)] >= times[Int(slot)] }
                guard hours[place].slot == slot else { return hours.insert(Hour(slot: slot, sum: sum), at: place) }
                return hours[place].sum.add(sum)
            }
        }
        hours.append(Hour(slot: slot, sum: sum))
    }
}
