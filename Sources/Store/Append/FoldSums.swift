/// What can be added up, unless the sum is beyond 64 bits.
protocol Summable {
    /// The sum, nil when a part of it does not fit.
    func adding(_ other: Self) -> Self?
}

/// What rows add to one fold, summed by the fold's key before it is sent: adding it up is cheaper here than under the
/// log's lock.
///
/// Sums run over one row, or over a whole group when all of it is certain to be appended.
struct FoldSums<Key: Hashable, Value: Summable> {
    struct Line {
        /// The row, from 1, whose appending puts the sum into the fold.
        let row: Int32
        let key: Key
        var value: Value
    }

    private(set) var lines: [Line] = []
    private var places: [Key: Int] = [:]
    private let spansRows: Bool
    private var row: Int32 = 1

    init(spansRows: Bool) { self.spansRows = spansRows }

    mutating func add(_ value: Value, to key: Key, row: Int32) {
        if !spansRows, row != self.row {
            self.row = row
            places.removeAll(keepingCapacity: true)
        }
        // Neighbours mostly share their key: hashing is the greater part of the work.
        let isNeighbour = lines.last.map { $0.key == key && (spansRows || $0.row == row) } ?? false
        let place = isNeighbour ? lines.count - 1 : places[key]
        if let place, let sum = lines[place].value.adding(value) {
            lines[place].value = sum
        } else {
            // The database adds the two in wider numbers.
            places[key] = lines.count
            lines.append(Line(row: row, key: key, value: value))
        }
    }
}

extension Int64: Summable {
    func adding(_ other: Int64) -> Int64? {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? nil : sum
    }
}

extension ComponentEnergy: Summable {
    func adding(_ other: Self) -> Self? {
        guard let accelerator = accelerator.adding(other.accelerator), let cpu = cpu.adding(other.cpu),
            let dram = dram.adding(other.dram), let rest = rest.adding(other.rest),
            let network = network.adding(other.network)
        else { return nil }
        return Self(accelerator: accelerator, cpu: cpu, dram: dram, rest: rest, network: network)
    }
}

extension CoveredTime: Summable {
    func adding(_ other: Self) -> Self? {
        guard let measured = measuredMilliseconds.adding(other.measuredMilliseconds),
            let bridged = bridgedMilliseconds.adding(other.bridgedMilliseconds),
            let missing = missingMilliseconds.adding(other.missingMilliseconds)
        else { return nil }
        return Self(measuredMilliseconds: measured, bridgedMilliseconds: bridged, missingMilliseconds: missing)
    }
}

struct CoveredTime {
    var measuredMilliseconds: Int64
    var bridgedMilliseconds: Int64
    var missingMilliseconds: Int64
}
