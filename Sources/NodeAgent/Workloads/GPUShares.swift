package import Energy
package import Sensors

/// How much each job kept the GPUs busy that several hold. No I/O.
///
/// The share is measured where the driver measures it: per cent of the board's multiprocessors, by process, sample by
/// sample. A board in MIG mode has no such figures; its jobs then share by the multiprocessors of their instances,
/// which the hardware keeps apart. Where neither is known no share is told, and the rule splits equally and says so.
package struct GPUShares: Sendable {
    private struct Use: Sendable {
        var nanoseconds: Int64
        var sensor: String
        var job: String
        var busy: Int64
    }

    private var uses: [Use] = []
    /// Multiprocessors of MIG instances, with the sensor of their board.
    package private(set) var instances: [String: (sensor: String, multiprocessors: Int64)] = [:]

    /// An interval that is kept open for hours is weighed by its end.
    private static let maximumUses = 65_536

    package init() {}

    /// Takes one look at the boards.
    ///
    /// - Parameters:
    ///   - sensor: of a board, by its name.
    ///   - job: in which a process runs, as the measuring session calls it.
    package mutating func take(
        _ boards: [NVMLWork.Board], at nanoseconds: Int64, sensor: (String) -> String?, job: (Int32) -> String?
    ) {
        var found: [String: (sensor: String, multiprocessors: Int64)] = [:]
        for board in boards {
            guard let id = sensor(board.uuid) else { continue }
            for instance in board.instances { found[instance.uuid] = (id, instance.multiprocessors) }
            for (process, busy) in board.busy where busy > 0 {
                guard let job = job(process) else { continue }
                uses.append(Use(nanoseconds: nanoseconds, sensor: id, job: job, busy: busy))
            }
        }
        if !boards.isEmpty { instances = found }
        if uses.count > Self.maximumUses { uses.removeFirst(uses.count - Self.maximumUses) }
    }

    /// Puts the shares into the lines of an interval that is to be signed.
    ///
    /// - Parameters:
    ///   - name: what a job is called in the lines, by what the measuring session calls it.
    ///   - held: the MIG instances that a job holds, by the job's name in the lines.
    package mutating func weigh(
        _ facts: inout IntervalFacts, name: (String) -> String?, held: (String) -> [String]
    ) {
        let end = facts.monotonic?.endNanoseconds ?? .max
        let start = facts.monotonic?.startNanoseconds ?? .min
        var measured: [String: [String: Int64]] = [:]
        for use in uses where use.nanoseconds > start && use.nanoseconds <= end {
            guard let job = name(use.job) else { continue }
            measured[use.sensor, default: [:]][job, default: 0] += use.busy
        }
        uses.removeAll { $0.nanoseconds <= end }
        var holders: [String: [Int]] = [:]
        for (index, line) in facts.allocations.enumerated() {
            for device in line.devices where device.weight == nil { holders[device.sensor, default: []].append(index) }
        }
        for (sensor, lines) in holders where lines.count > 1 {
            let jobs = lines.map { facts.allocations[$0].job }
            guard let weights = weights(of: jobs, measured[sensor] ?? [:], sensor, held) else { continue }
            for (line, weight) in zip(lines, weights) {
                guard let place = facts.allocations[line].devices.firstIndex(where: { $0.sensor == sensor }) else {
                    continue
                }
                facts.allocations[line].devices[place].weight = weight
            }
        }
    }

    private func weights(
        of jobs: [String], _ measured: [String: Int64], _ sensor: String, _ held: (String) -> [String]
    ) -> [Int64]? {
        let busy = jobs.map { measured[$0] ?? 0 }
        if busy.contains(where: { $0 > 0 }) { return busy }
        let parts = jobs.map { job in
            held(job).reduce(Int64(0)) { sum, uuid in
                guard let instance = instances[uuid], instance.sensor == sensor else { return sum }
                return sum + instance.multiprocessors
            }
        }
        return parts.allSatisfy { $0 > 0 } ? parts : nil
    }
}
