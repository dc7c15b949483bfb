import Energy

/// How a year of an organization goes: every node works through jobs of a few nodes, one after the other, with idle
/// hours between them.
struct YearPlan {
    var jobs: Int
    var nodes: Int
    var hours: Int
    /// Nodes of one job.
    var width: Int

    static let start: Int64 = 490_896

    var period: UTCInterval {
        UTCInterval(start: UTCTime(hour: Self.start), end: UTCTime(hour: Self.start + Int64(hours)))
    }

    struct Job {
        var number: Int
        var group: Int
        /// Hours of the year.
        var busy: Range<Int>
    }

    var groups: [Range<Int>] {
        stride(from: 0, to: nodes, by: width).map { $0..<min(nodes, $0 + width) }
    }

    /// How many jobs each group works through, and the hours that each takes with the pause behind it.
    var turns: Int { max(1, (jobs + groups.count - 1) / groups.count) }
    var turnHours: Int { max(1, hours / turns) }

    /// The jobs of one turn, one for each group at most.
    func jobs(ofTurn turn: Int) -> [Job] {
        let first = turn * turnHours
        guard first < hours else { return [] }
        let count = max(1, min(hours - first, turnHours - turnHours / 12))
        return groups.indices.compactMap { group in
            let number = turn * groups.count + group
            return number < jobs ? Job(number: number, group: group, busy: first..<(first + count)) : nil
        }
    }

    /// Where a turn ends: the last one with the year.
    func end(ofTurn turn: Int) -> Int { turn == turns - 1 ? hours : min(hours, (turn + 1) * turnHours) }

    /// A node with eight accelerators: 24 MJ an hour while busy, 6 MJ idle, a little different for each job.
    static func microjoules(isBusy: Bool, turn: Int, group: Int) -> [Int64] {
        let scale = Int64(isBusy ? 1_000_000 : 250_000) + Int64((turn * 37 + group) % 997)
        return [17, 3, 1, 3].map { $0 * scale * 1_000_000 }
    }
}
