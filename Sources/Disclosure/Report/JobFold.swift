import Accounts
import Batches
import Energy
import JSONText

/// The sums of jobs over one period, and the summaries made from them.
struct JobFold {
    fileprivate struct NodeSum {
        var microjoules: Int128 = 0
        var boundaries = KindSums<Boundary>()
        var measured: Int64 = 0
        var bridged: Int64 = 0
        var held: UTCInterval?
    }

    fileprivate struct JobSum {
        var energy = EnergyBreakdown()
        var idleReserved: Int128 = 0
        var nodes: [String: NodeSum] = [:]
    }

    let accounts: LogAccounts
    let period: UTCInterval?
    /// What a job can be labelled with, and whether a `set` entry does so for any.
    let labelFields: [(name: String, field: String, isSet: Bool)]
    private let gapsByNode: [String: GapLine]
    private let all: PeriodSums
    /// Where the sum of a line of the ledger stands, by the line's number; -1 where it has none in the period.
    private let places: [Int32]
    private let heldPlaces: [Int32]

    init(accounts: LogAccounts, period: UTCInterval?, sums: PeriodSums) {
        self.accounts = accounts
        self.period = period
        all = sums
        let fields = accounts.settings.fields
        labelFields = Self.knownLabelFields.map { ($0.name, $0.field, fields.contains($0.field)) }
        gapsByNode = Dictionary(grouping: accounts.ledger.gaps, by: \.node).mapValues { GapLine($0.map(\.span)) }
        places = Self.places(of: sums.lines.map(\.line), among: accounts.ledger.lines.count)
        heldPlaces = Self.places(of: sums.held.map(\.line), among: accounts.ledger.coverageLines.count)
    }

    private static func places(of lines: [Int32], among count: Int) -> [Int32] {
        var places = [Int32](repeating: -1, count: count)
        for (place, line) in lines.enumerated() { places[Int(line)] = Int32(place) }
        return places
    }

    /// An attempt of the period ends before it begins: it has no window, and must not be left out for that.
    private func runsBackwards(_ job: String) -> Bool {
        guard let attempts = accounts.jobs[job]?.attempts.values else { return false }
        return attempts.contains { attempt in
            guard attempt.runsBackwards, let start = attempt.start, let stop = attempt.stop else { return false }
            return period.map { stop < $0.end && $0.start <= start } ?? true
        }
    }

    /// Nil when it drew and held nothing in the period.
    private func sum(of job: String) -> JobSum? {
        let lines = accounts.ledger.lineNumbers(ofJob: job).map { places[Int($0)] }.filter { $0 >= 0 }
        let held = accounts.ledger.coverageLineNumbers(ofJob: job).map { heldPlaces[Int($0)] }.filter { $0 >= 0 }
        guard !lines.isEmpty || !held.isEmpty else { return nil }
        var sum = JobSum()
        var nodes: [Int32: NodeSum] = [:]
        for place in lines.map({ Int($0) }) {
            // Read where they stand: a copy of a line counts the references of its parts.
            let number = Int(all.lines[place].line)
            let node = accounts.ledger.lines[number].node
            let provenance = accounts.ledger.lines[number].provenance
            guard provenance != .synthetic else {
                // It held the node all the same.
                if nodes[node] == nil { nodes[node] = NodeSum() }
                continue
            }
            let boundary = accounts.ledger.lines[number].boundary
            sum.energy.add(all.lines[place].energy, provenance, boundary)
            let total = all.lines[place].energy.total
            if accounts.ledger.lines[number].isIdleReserved { sum.idleReserved += total }
            nodes[node, default: NodeSum()].add(total, boundary)
        }
        for place in held.map({ Int($0) }) {
            let node = accounts.ledger.coverageLines[Int(all.held[place].line)].node
            nodes[node, default: NodeSum()].add(all.held[place].coverage)
        }
        sum.nodes = Dictionary(uniqueKeysWithValues: nodes.map { (accounts.ledger.nodes[Int($0)], $1) })
        return sum
    }

    // MARK: Windows

    private struct AttemptWindow {
        /// The part in the period; nil where only a clock that is off puts the attempt into it.
        var window: UTCInterval?
        var nodes: Set<String>
        var attempt: JobRegister.Attempt
        /// Nodes whose clocks are off and that told of their holds.
        var clocksOff: Set<String> = []
        /// Those holds by those clocks, as the nodes' batches are, so that one is measured against the other.
        var byOwnClock: [String: UTCInterval] = [:]

        /// When a node holds the job by its agent's own word, nil where that says nothing.
        func told(by node: String) -> UTCInterval? {
            if clocksOff.contains(node) { return byOwnClock[node] }
            guard let start = attempt.ownStarts[node], let window else { return nil }
            let end = attempt.ownStops[node] ?? window.end
            return start < end ? window.intersection(UTCInterval(start: start, end: end)) : nil
        }

        /// Nodes that held the job by their agents' own word.
        var tellers: [String] { attempt.ownStarts.keys.filter { told(by: $0) != nil } }

        /// On a node whose agent told of the hold, that one: it is not missing what the job did elsewhere earlier.
        func window(on node: String) -> UTCInterval? {
            if clocksOff.contains(node) { return byOwnClock[node] }
            guard let window else { return nil }
            let own = UTCInterval(
                start: attempt.ownStarts[node] ?? window.start, end: attempt.ownStops[node] ?? window.end)
            return own.start < own.end ? window.intersection(own) ?? window : window
        }
    }

    private func inPeriod(_ span: UTCInterval) -> UTCInterval? {
        guard let period else { return span }
        return span.intersection(period)
    }

    /// When the job held its nodes, attempt by attempt. An attempt that nobody ended goes on until the next one begins
    /// or until the last hold that the log shows.
    ///
    /// - Parameter job: aligned.
    private func windows(of job: JobRegister.Job) -> [AttemptWindow] {
        let held = job.held
        let off = job.clocksOff
        let attempts =
            job.attempts.isEmpty || job.attempts.values.allSatisfy { $0.start == nil && $0.stop == nil }
            ? job.statedWindows : job.attempts.sorted { $0.key < $1.key }.map(\.value)
        let starts = attempts.compactMap(\.start).sorted()
        return attempts.compactMap { attempt in
            guard attempt.start != nil || attempt.stop != nil else { return nil }
            guard let start = attempt.start ?? held?.start else { return nil }
            let next = starts.first { $0 > start }
            let end = attempt.stop ?? [next, held?.end].compactMap(\.self).min() ?? start
            guard start < end else { return nil }
            var window = AttemptWindow(
                window: inPeriod(UTCInterval(start: start, end: end)), nodes: attempt.nodes, attempt: attempt)
            for (node, witness) in off {
                guard let from = attempt.ownStarts[node] else { continue }
                window.clocksOff.insert(node)
                let until = attempt.ownStops[node] ?? witness.end(of: end)
                guard from < until else { continue }
                window.byOwnClock[node] = inPeriod(UTCInterval(start: from, end: until))
            }
            return window.window == nil && window.byOwnClock.isEmpty ? nil : window
        }
    }

    /// - Parameter held: when the node held the job, by a clock that is right.
    private func allocated(
        _ node: String, held: UTCInterval?, _ windows: [AttemptWindow]
    ) -> IntervalSet {
        let listed = windows.filter { $0.nodes.contains(node) }
        if !listed.isEmpty { return IntervalSet(listed.compactMap { $0.window(on: node) }) }
        // Its agent says in which attempts it took part.
        let told = windows.compactMap { $0.told(by: node) }
        if !told.isEmpty { return IntervalSet(told) }
        let open = windows.filter(\.nodes.isEmpty)
        let own = (open.isEmpty ? windows : open).compactMap { $0.window(on: node) }
        guard open.count > 1 || open.isEmpty, let held else { return IntervalSet(open.isEmpty ? [] : own) }
        // Of several attempts, a node that nobody listed took part in those in which it was seen.
        return IntervalSet(own.filter { $0.intersection(held) != nil })
    }

    // MARK: Summary

    func summary(of job: String) -> JobSummary? { summary(of: job, sum(of: job) ?? JobSum()) }

    /// Nil also for a job that has nothing to do with the period.
    func summaryInPeriod(of job: String) -> JobSummary? {
        let sum = sum(of: job)
        guard let summary = summary(of: job, sum ?? JobSum()),
            sum != nil || !summary.windows.isEmpty || runsBackwards(job)
        else { return nil }
        return summary
    }

    private func summary(of pseudonym: String, _ sum: JobSum) -> JobSummary? {
        guard let job = accounts.jobs[pseudonym]?.aligned else { return nil }
        let windows = windows(of: job)
        let isStated = !job.statedWindows.isEmpty
        let listed = job.listedNodes
        let expected = job.nodesExpected
        var names = Set(sum.nodes.keys)
        for window in windows {
            if window.window != nil { names.formUnion(window.nodes) }
            // A node that told of its hold has a part in the job before its first batch is there, and if none ever
            // comes.
            names.formUnion(window.tellers)
        }
        // Over the whole life of the job: in a period, a node that has no part in it is none of its nodes.
        if period == nil, job.flags.contains("superseded") { names.formUnion(job.witnessesByNode.keys) }
        let shares = names.sorted().map { node in
            let held = held(by: node, sum.nodes[node], job)
            let allocated = isStated ? self.allocated(node, held: held, windows) : nil
            var share = self.share(
                of: node, sum.nodes[node], held, allocated, job, isUnlisted: !listed.isEmpty && !listed.contains(node))
            if let witness = share.witness, windows.contains(where: { $0.clocksOff.contains(node) }) {
                // Shown beside the hold, which is aligned too.
                share.allocated = share.allocated?.moved(byMicroseconds: witness.alignmentMicroseconds)
            }
            return share
        }
        let nodes = shares.filter { $0.kind == .node }
        let reporting = Int64(nodes.count { $0.energyMicrojoules != nil })
        var time = JobSummary.NodeTime()
        for share in nodes { time.add(share.time) }
        let known = IntervalSet(windows.compactMap(\.window))
        let span = isStated ? known : IntervalSet([job.held].compactMap(\.self)).intersection(period)
        let silent = max(0, (expected ?? 0) - Int64(nodes.count))
        if !span.isEmpty {
            // Nodes that are expected and that nobody names: all of their time is missing.
            let (lost, overflow) = span.milliseconds.multipliedReportingOverflow(by: silent)
            time.allocated &+= overflow ? 0 : lost
            time.missing &+= overflow ? 0 : lost
        }
        let isMissingNode = expected.map { reporting < $0 } ?? false
        return JobSummary(
            pseudonym: pseudonym, record: accounts.records[pseudonym], attempts: Int64(max(1, job.attempts.count)),
            start: job.start, stop: job.stop, nodesExpected: expected, disputedExpectations: job.disputedExpectations,
            nodesReporting: reporting, time: time, isLowerBound: time.missing > 0 || isMissingNode, energy: sum.energy,
            idleReservedMicrojoules: sum.idleReserved, nodes: shares, witness: job.witness,
            flags: flags(of: job, sum, shares), labels: labels(of: pseudonym), wallclockMilliseconds: span.milliseconds,
            windows: span,
            attemptWindows: job.attempts.sorted { $0.key < $1.key }.map { .init(number: $0.key, attempt: $0.value) })
    }

    /// First and last hold by the node's own clock, moved into the bracket of its anchors where the clock is off.
    private func held(by node: String, _ sum: NodeSum?, _ job: JobRegister.Job) -> UTCInterval? {
        guard let held = sum?.held else { return nil }
        guard let witness = job.witnessesByNode[node], witness.isClockOff else { return held }
        return UTCInterval(start: witness.aligned(held.start), end: witness.aligned(held.end))
    }

    private func share(
        of node: String, _ sum: NodeSum?, _ held: UTCInterval?, _ allocated: IntervalSet?, _ job: JobRegister.Job,
        isUnlisted: Bool
    ) -> JobSummary.NodeShare {
        var time = JobSummary.NodeTime()
        time.measured = sum?.measured ?? 0
        time.bridged = sum?.bridged ?? 0
        time.allocated = allocated?.milliseconds ?? (time.measured &+ time.bridged)
        if time.allocated > 0 {
            // What one node covers beyond its own allocation must not stand in for what is missing of another.
            time.measured = min(time.measured, time.allocated)
            time.bridged = min(time.bridged, time.allocated &- time.measured)
        }
        time.missing = max(0, time.allocated &- time.measured &- time.bridged)
        let gaps = (gapsByNode[node]?.near(allocated) ?? []).filter { gap in
            (gap.job == nil || gap.job == job.pseudonym) && allocated?.intersects(gap.interval) ?? true
        }
        return JobSummary.NodeShare(
            node: node, kind: accounts.nodes.kind(of: node), energyMicrojoules: sum?.microjoules, time: time,
            boundaries: sum?.boundaries ?? KindSums(), held: held, allocated: allocated, gaps: gaps,
            witness: job.witnessesByNode[node], isUnlisted: isUnlisted,
            isEnrolled: accounts.nodes.members[node]?.enrolled != nil,
            isSuperseded: sum == nil && job.flags.contains("superseded") && job.witnessesByNode[node] != nil)
    }

    private func flags(of job: JobRegister.Job, _ sum: JobSum, _ nodes: [JobSummary.NodeShare]) -> [String] {
        var flags = job.flags
        if sum.energy.nodeBoundaries > 1 { flags.insert("mixed_boundary") }
        if all.doubtfulJobs.contains(job.pseudonym) { flags.insert(ResidualSection.identifier) }
        if nodes.contains(where: { $0.kind == .node && $0.isUnlisted }) { flags.insert("unlisted_node") }
        if job.witnessesByNode.values.contains(where: \.isClockOff) { flags.insert("clock_off") }
        if job.witnessesByNode.values.contains(where: { $0.lateBatches > 0 }) { flags.insert("late_data") }
        if !job.disputedExpectations.isEmpty { flags.insert("nodes_disputed") }
        if job.attempts.values.contains(where: \.runsBackwards) { flags.insert("stop_before_start") }
        return flags.sorted()
    }
}

extension JobFold.NodeSum {
    fileprivate mutating func add(_ total: Int128, _ boundary: Boundary) {
        microjoules += total
        boundaries.add(total, boundary)
    }

    fileprivate mutating func add(_ coverage: Ledger.Coverage) {
        measured &+= coverage.measuredMilliseconds
        bridged &+= coverage.bridgedMilliseconds
        guard let held else {
            self.held = coverage.hold
            return
        }
        self.held = UTCInterval(
            start: min(held.start, coverage.hold.start), end: max(held.end, coverage.hold.end))
    }
}

extension JobRegister.Attempt {
    var runsBackwards: Bool {
        guard let start, let stop else { return false }
        return stop <= start
    }
}
