package import Accounts
package import Batches
package import Energy

/// What the log tells of every job, merged from all who saw it. The order of its entries does not matter.
package struct JobRegister: Sendable, Hashable, Codable {
    package struct Attempt: Sendable, Hashable, Codable {
        package var start: UTCTime?
        package var stop: UTCTime?
        package var nodes: Set<String> = []
        /// The job's hold on each node, as that node's own agent tells it.
        package var ownStarts: [String: UTCTime] = [:]
        package var ownStops: [String: UTCTime] = [:]
        /// The part of `start` and `stop` that others told.
        private var statedStart: UTCTime?
        private var statedStop: UTCTime?

        package init(start: UTCTime? = nil, stop: UTCTime? = nil, nodes: Set<String> = []) {
            self.start = start
            self.stop = stop
            self.nodes = nodes
            statedStart = start
            statedStop = stop
        }

        /// Somebody tells of the attempt.
        ///
        /// - Parameter node: the node whose agent tells of its own hold, nil for anybody else. Edges of one job lie
        ///   milliseconds apart on its nodes.
        fileprivate mutating func extend(start: UTCTime?, stop: UTCTime?, by node: String? = nil) {
            if let start {
                self.start = min(self.start ?? start, start)
                if let node {
                    ownStarts[node] = min(ownStarts[node] ?? start, start)
                } else {
                    statedStart = min(statedStart ?? start, start)
                }
            }
            if let stop {
                self.stop = max(self.stop ?? stop, stop)
                if let node {
                    ownStops[node] = max(ownStops[node] ?? stop, stop)
                } else {
                    statedStop = max(statedStop ?? stop, stop)
                }
            }
        }

        /// Takes what nodes told whose clocks are off out of `start` and `stop`, as far as others know better.
        fileprivate mutating func align(_ off: [String: NodeWitness]) {
            func split(_ times: [String: UTCTime], _ stated: UTCTime?) -> (right: [UTCTime], aligned: [UTCTime]) {
                (
                    times.filter { off[$0.key] == nil }.map(\.value) + [stated].compactMap(\.self),
                    times.compactMap { off[$0.key]?.aligned($0.value) }
                )
            }
            let (starts, stops) = (split(ownStarts, statedStart), split(ownStops, statedStop))
            start = NodeWitness.earliest(right: starts.right, aligned: starts.aligned)
            stop = NodeWitness.latest(right: stops.right, aligned: stops.aligned)
        }
    }

    package struct Job: Sendable, Hashable, Codable {
        package var pseudonym: String
        /// By number. A requeued job is one job with several.
        package var attempts: [Int64: Attempt] = [:]
        /// The largest number of nodes that each witness expects.
        package var expectedNodes: [JobEntry.Witness: Int64] = [:]
        /// The largest number by each who is no agent, by name.
        fileprivate var expectations: [String: Expectation] = [:]
        package var witnesses: Set<JobEntry.Witness> = []
        /// Commitments to the job's record with the index of the entry that makes them.
        package var records: [Commitment] = []
        /// First start and last end of its holds, in the whole log and on any node.
        package var held: UTCInterval?
        /// Window of the recorded logs that name the job: it stands where nobody tells a better one.
        package var importedWindow: Attempt?
        /// Named doubts of the batches in which it held a node.
        package var flags: Set<String> = []
        /// What the batches of each node say beside the energy.
        package var witnessesByNode: [String: NodeWitness] = [:]

        package init(pseudonym: String) { self.pseudonym = pseudonym }
    }

    /// How many nodes somebody expects.
    package struct Expectation: Sendable, Hashable, Codable {
        package var witness: JobEntry.Witness
        /// The key's name; nil for the job's agents, who all repeat their scheduler or launcher.
        package var by: String?
        package var nodes: Int64
        /// The first entry that says so; nil where batches do.
        package var index: UInt64?
    }

    package struct Commitment: Sendable, Hashable, Codable {
        package var index: UInt64
        package var sha256: [UInt8]

        package init(index: UInt64, sha256: [UInt8]) {
            self.index = index
            self.sha256 = sha256
        }
    }

    package private(set) var jobs: [String: Job] = [:]
    /// Ends of what each node said of each job since the administration last told the time.
    private var unbounded: [Hold: UTCTime] = [:]

    private struct Hold: Sendable, Hashable, Codable {
        var node: String
        var job: String
    }

    package init() {}
    package init(jobs: [Job]) { for job in jobs { self.jobs[job.pseudonym] = job } }

    package subscript(pseudonym: String) -> Job? { jobs[pseudonym] }

    /// Takes an entry that is in the log.
    ///
    /// - Parameters:
    ///   - postings: of a batch, as they were posted.
    ///   - isRecorded: whether the batch's chain is an import.
    ///   - place: where a batch stands in the log's time.
    package mutating func apply(
        _ entry: Entry, at index: UInt64, postings: BatchPostings? = nil, isRecorded: Bool = false,
        place: NodeWitness.Place = NodeWitness.Place()
    ) {
        switch entry {
        case .job(let seen): apply(seen, at: index)
        case .imported(let imported):
            guard let job = imported.job else { return }
            jobs[job, default: Job(pseudonym: job)].addImport(imported)
        case .batch(let batch): apply(batch, postings, isRecorded: isRecorded, place: place)
        default: break
        }
    }

    /// The administration appended an entry at this time: whatever stands before it was made earlier.
    package mutating func bound(by time: UTCTime) {
        for (hold, end) in unbounded { jobs[hold.job]?.witnessesByNode[hold.node]?.bound(end: end, by: time) }
        unbounded.removeAll(keepingCapacity: true)
    }

    private mutating func apply(_ entry: JobEntry, at index: UInt64) {
        var job = jobs[entry.job] ?? Job(pseudonym: entry.job)
        var attempt = job.attempts[entry.attempt] ?? Attempt()
        attempt.extend(start: entry.start, stop: entry.stop, by: entry.witness == .agent ? entry.by : nil)
        attempt.nodes.formUnion(entry.nodes)
        job.attempts[entry.attempt] = attempt
        job.witnesses.insert(entry.witness)
        if let expected = entry.expectedNodes { job.expect(expected, by: entry, at: index) }
        if let sha256 = entry.recordSHA256, !job.records.contains(where: { $0.sha256 == sha256 }) {
            job.records.append(Commitment(index: index, sha256: sha256))
            job.records.sort { $0.index < $1.index }
        }
        jobs[entry.job] = job
    }

    /// Takes a batch that is in the log, with what was posted for it.
    ///
    /// - Parameter place: where it stands in the log's time.
    package mutating func apply(
        _ batch: Batch, _ postings: BatchPostings?, isRecorded: Bool, place: NodeWitness.Place = .init()
    ) {
        var flags = postings?.flags.map { flag in String(flag.map { $0 == "-" ? "_" : $0 }) } ?? []
        switch batch.clock.letter {
        case .synchronised: break
        case .relative, .informative, .unknown: flags.append(isRecorded ? "claimed_time" : "clock_off")
        }
        let allocations = batch.facts.allocations
        let statement = NodeWitness.Statement(batch, place: place, isRecorded: isRecorded)
        for index in allocations.indices where allocations[index].mode != .tenant {
            let job = allocations[index].job
            // In place: a job has many parts, and nearly every batch changes nothing but the end of its hold.
            var found = jobs.index(forKey: job)
            if found == nil {
                jobs[job] = Job(pseudonym: job)
                found = jobs.index(forKey: job)
            }
            guard let found else { continue }
            let drawn = postings?.microjoules(ofJob: job) ?? 0
            jobs.values[found].add(
                allocations[index], batch.facts.interval, flags: flags, by: isRecorded ? .importer : .agent)
            jobs.values[found].take(statement, of: batch.node, jobMicrojoules: drawn)
            if !isRecorded { keep(end: batch.facts.interval.end, of: Hold(node: batch.node, job: job)) }
        }
    }
}

extension JobRegister {
    private mutating func keep(end: UTCTime, of hold: Hold) {
        guard let place = unbounded.index(forKey: hold) else {
            unbounded[hold] = end
            return
        }
        unbounded.values[place] = max(unbounded.values[place], end)
    }
}

extension JobRegister.Job {
    fileprivate mutating func take(_ statement: NodeWitness.Statement, of node: String, jobMicrojoules: Int128) {
        guard let place = witnessesByNode.index(forKey: node) else {
            var witness = NodeWitness()
            witness.take(statement, jobMicrojoules: jobMicrojoules)
            witnessesByNode[node] = witness
            return
        }
        witnessesByNode.values[place].take(statement, jobMicrojoules: jobMicrojoules)
    }

    fileprivate mutating func add(
        _ allocation: AllocationFacts, _ interval: UTCInterval, flags: [String], by witness: JobEntry.Witness
    ) {
        if let expected = allocation.expectedNodes, expectedNodes[witness] ?? -1 < expected {
            expect(expected, by: witness)
        }
        if interval.start < interval.end { hold(interval) }
        for flag in flags { self.flags.insert(flag) }
    }
}

extension JobRegister.Job {
    fileprivate mutating func expect(_ nodes: Int64, by witness: JobEntry.Witness) {
        expectedNodes[witness] = max(expectedNodes[witness] ?? nodes, nodes)
    }

    /// Who says a number is few; of more the names that come first count, whatever the order of the entries.
    private static let maximumExpectations = 16

    fileprivate mutating func expect(_ nodes: Int64, by entry: JobEntry, at index: UInt64) {
        expect(nodes, by: entry.witness)
        guard entry.witness != .agent else { return }
        let said = JobRegister.Expectation(witness: entry.witness, by: entry.by, nodes: nodes, index: index)
        let name = "\(entry.witness.rawValue) \(entry.by)"
        if let known = expectations[name], known.nodes >= nodes { return }
        expectations[name] = said
        guard expectations.count > Self.maximumExpectations, let last = expectations.keys.max() else { return }
        expectations[last] = nil
    }

    /// Everybody who said how many nodes there should be, the most trustworthy first; empty where all say the same.
    var disputedExpectations: [JobRegister.Expectation] {
        guard expectations.count > 1 || expectedNodes.count > 1 else { return [] }
        var all = expectations.sorted { $0.key < $1.key }.map(\.value)
        for witness in [JobEntry.Witness.agent, .importer] {
            guard let nodes = expectedNodes[witness], !all.contains(where: { $0.witness == witness }) else { continue }
            all.append(JobRegister.Expectation(witness: witness, by: nil, nodes: nodes, index: nil))
        }
        guard Set(all.map(\.nodes)).count > 1 else { return [] }
        return JobEntry.Witness.allCases.flatMap { witness in all.filter { $0.witness == witness } }
    }

    fileprivate mutating func hold(_ interval: UTCInterval) {
        guard let held else {
            self.held = interval
            return
        }
        self.held = UTCInterval(start: min(held.start, interval.start), end: max(held.end, interval.end))
    }

    fileprivate mutating func addImport(_ imported: ImportEntry) {
        witnesses.insert(.importer)
        var window = importedWindow ?? JobRegister.Attempt()
        window.extend(start: imported.start, stop: imported.stop)
        if imported.subject == .node { window.nodes.insert(imported.node) }
        importedWindow = window
    }

    /// The most trustworthy witness: a scheduler's word before an agent's, an agent's before a claim.
    package var witness: JobEntry.Witness? { JobEntry.Witness.allCases.first { witnesses.contains($0) } }

    /// Nodes that the job should run on, by the most trustworthy witness that says so; never fewer than are listed.
    package var nodesExpected: Int64? {
        let said = JobEntry.Witness.allCases.lazy.compactMap { expectedNodes[$0] }.first
        let listed = Int64(listedNodes.count)
        guard let said else { return listed > 0 ? listed : nil }
        return max(said, listed)
    }

    /// Nodes of all attempts; empty when only their number is known.
    package var listedNodes: Set<String> {
        guard attempts.count > 1 else { return attempts.values.first?.nodes ?? [] }
        return attempts.values.reduce(into: []) { $0.formUnion($1.nodes) }
    }

    /// The stated windows: those of its attempts, else the one of its imports.
    package var statedWindows: [JobRegister.Attempt] {
        let stated = attempts.sorted { $0.key < $1.key }.map(\.value).filter { $0.start != nil || $0.stop != nil }
        if !stated.isEmpty { return stated }
        guard let importedWindow, importedWindow.start != nil || importedWindow.stop != nil else { return [] }
        return [JobRegister.Attempt(start: importedWindow.start, stop: importedWindow.stop)]
    }

    /// The nodes of which a clock is off.
    var clocksOff: [String: NodeWitness] { witnessesByNode.filter { $0.value.isClockOff } }

    /// The same by clocks that are right: what nodes told whose clocks are off is brought into the brackets of their
    /// anchors, and stands back behind what others told.
    var aligned: Self {
        let off = clocksOff
        guard !off.isEmpty else { return self }
        var job = self
        for number in attempts.keys { job.attempts[number]?.align(off) }
        func edges(_ edge: (NodeWitness) -> NodeWitness.Edge?) -> (right: [UTCTime], aligned: [UTCTime]) {
            let right = witnessesByNode.values.filter { !$0.isClockOff }.compactMap { edge($0)?.time }
            return (right, off.values.compactMap { witness in edge(witness).map { witness.aligned($0.time) } })
        }
        let (starts, ends) = (edges(\.first), edges(\.last))
        if let start = NodeWitness.earliest(right: starts.right, aligned: starts.aligned),
            let end = NodeWitness.latest(right: ends.right, aligned: ends.aligned), start < end
        {
            job.held = UTCInterval(start: start, end: end)
        }
        return job
    }

    package var start: UTCTime? { statedWindows.compactMap(\.start).min() ?? held?.start }

    /// The end of the latest attempt, nil while it runs or when nobody told it.
    package var stop: UTCTime? {
        guard let last = statedWindows.max(by: { ($0.start ?? .distantPast) < ($1.start ?? .distantPast) }) else {
            return nil
        }
        return last.stop == nil ? nil : statedWindows.compactMap(\.stop).max()
    }
}

extension BatchPostings {
    fileprivate func microjoules(ofJob job: String) -> Int128 {
        var sum: Int128 = 0
        for index in postings.indices {
            switch postings[index].account {
            case .job(let name), .idleReserved(let name): if name == job { sum += Int128(postings[index].microjoules) }
            default: break
            }
        }
        return sum
    }
}

extension UTCTime {
    static let distantPast = UTCTime(microseconds: .min)
}
