import Batches
import Energy
import JSONText
import NodeAgent
import Testing
import TransparencyLog
import Wire

extension ClusterTests {
    /// How much of a job is known, at each moment, by node.
    @Suite(.timeLimit(.minutes(4))) struct Coverages {
        typealias Import = OrganizationUnderTest.Import

        // MARK: Recorded logs

        /// A real run, of which one node's log is cut by a third and another one begins late.
        @Test(arguments: RecordedRun.all) func aCutLogAndALateOneLeaveALowerBound(run: RecordedRun) async throws {
            let organization = try await AggregatorUnderTest.current.organization("Cut \(run.word)")
            let expected = try run.expected()
            var files = run.files
            files[2] = try part(of: run.file("node_3"), "\(organization.directory)/node_3.txt") { count in
                0..<(count - count / 3)
            }
            files[5] = try part(of: run.file("node_6"), "\(organization.directory)/node_6.txt") { count in
                (count / 5)..<count
            }
            try await organization.run(
                Import(
                    job: "cut", files: files, start: "\(expected.startMilliseconds)",
                    stop: "\(expected.stopMilliseconds)", expectedNodes: 8))
            let json = try await organization.answer(["job", "show", "cut"])
            let job = try JobAnswer(json)
            var (measured, total): (Int64, Int64) = (0, 0)
            for (number, file) in files.enumerated() {
                let name = RecordedRun.nodeNames[number]
                let log = try ExactIntegral(mlperf: file)
                let node = try #require(job.nodes[name])
                // By hand: what of the window lies before the first and behind the last reading.
                let before = max(0, Int64(log.first / 1000) - expected.startMilliseconds)
                let after = max(0, expected.stopMilliseconds - Int64(log.last / 1000))
                #expect(node.missingMilliseconds == before + after, "\(name)")
                #expect(
                    node.measuredMilliseconds + node.bridgedMilliseconds + node.missingMilliseconds
                        == expected.windowMilliseconds, "\(name)")
                let energy = log.microjoules(
                    from: Int128(expected.startMilliseconds) * 1000, to: Int128(expected.stopMilliseconds) * 1000,
                    .trapezoid)
                #expect(node.energyMicrojoules == energy, "\(name)")
                measured += node.measuredMilliseconds
                total += energy
            }
            #expect(job.energyMicrojoules == total)
            #expect(job.isLowerBound)
            let coverage = try #require(json["coverage"]?.number?.double)
            let byHand = Double(measured) / Double(8 * expected.windowMilliseconds)
            #expect((coverage - byHand).magnitude < 0.000_001)
            // Each says where its time is missing.
            let reasons = try reasons(json)
            #expect(reasons["node_3"]?.contains("before the job") == true, "\(reasons)")
            #expect(reasons["node_6"]?.contains("after the job") == true, "\(reasons)")
            let share = try #require(json["by_node"]?.array?.first { $0["node"]?.string == "node_1" })
            #expect(share["clock"]?["claimed"]?.bool == true && share["late"]?.isNull == true)
        }

        /// Some of the lines with readings of a log, all of the others.
        private func part(of path: String, _ copy: String, _ kept: (Int) -> Range<Int>) throws -> String {
            let lines = try RecordedRun.lines(of: path)
            let readings = lines.indices.filter { lines[$0].contains("power_reading") }
            let keep = Set(readings[kept(readings.count)])
            let text = lines.indices.filter { !readings.contains($0) || keep.contains($0) }.map { lines[$0] }
            try RecordedRun.write(text, to: copy)
            return copy
        }

        private func reasons(_ job: JSONValue) throws -> [String: String] {
            var reasons: [String: String] = [:]
            for node in try #require(job["by_node"]?.array) {
                reasons[try #require(node["node"]?.string)] = try #require(node["reason"]?.string)
            }
            return reasons
        }

        // MARK: Agents that are away

        /// One node reports throughout, one agent is down in the middle third, one comes back after the job's end with
        /// its spool, and, in the second course, one node never had an agent.
        @Test(arguments: [false, true]) func agentsThatAreAway(withoutAgent: Bool) async throws {
            let organization = try await AggregatorUnderTest.current.organization("Away \(withoutAgent)")
            let names = ["steady", "broken", "offline"]
            var nodes: [String: JobNode] = [:]
            for name in names { nodes[name] = JobNode(try await organization.enrol(name)) }
            let listed = names + (withoutAgent ? ["bare"] : [])
            var (steady, broken, offline) = (
                try #require(nodes["steady"]), try #require(nodes["broken"]), try #require(nodes["offline"])
            )
            let job = steady.pseudonym
            func expect(
                _ energy: Int64, measured: Int64, bridged: Int64, missing: Int64, lowerBound: Bool, _ when: Comment
            ) async throws -> JSONValue {
                let json = try await organization.answer(["job", "show", job])
                let time = try #require(json["node_ms"])
                #expect(json["energy_uj"]?.decimalString == energy * JobNode.batchMicrojoules, when)
                #expect(time["measured"]?.decimalString == measured * 30_000, when)
                #expect(time["bridged"]?.decimalString == bridged * 30_000, when)
                #expect(time["missing"]?.decimalString == missing * 30_000, when)
                #expect(json["lower_bound"]?.bool == lowerBound, when)
                let share = Double(measured) / Double(3 * listed.count)
                #expect(((json["coverage"]?.number?.double ?? -1) - share).magnitude < 0.000_001, when)
                return json
            }
            let silent: Int64 = withoutAgent ? 3 : 0
            try await steady.tell(.start, nodes: listed)
            for _ in 0..<3 { try await steady.measure() }
            try await broken.measure()
            var json = try await expect(
                4, measured: 4, bridged: 0, missing: 5 + silent, lowerBound: true, "the agent is down")
            var reasons = try reasons(json)
            #expect(reasons["steady"]?.hasPrefix("complete") == true)
            #expect(reasons["broken"]?.contains("60 s held without readings") == true)
            #expect(reasons["offline"]?.contains("its agent has sent no batch") == true)

            // Back after its middle third: the counter ran on, and nobody else held the node.
            try await broken.comeBack()
            try await broken.measure()
            json = try await expect(
                6, measured: 5, bridged: 1, missing: 3 + silent, lowerBound: true, "the agent is back")
            reasons = try self.reasons(json)
            #expect(reasons["broken"]?.hasPrefix("complete; 30 s bridged") == true)

            // The job is over; the spool comes afterwards.
            try await steady.tell(.end, nodes: listed)
            _ = try await expect(6, measured: 5, bridged: 1, missing: 3 + silent, lowerBound: true, "the job is over")
            for _ in 0..<3 { try await offline.measure() }
            json = try await expect(
                9, measured: 8, bridged: 1, missing: silent, lowerBound: withoutAgent, "the spool has come")
            reasons = try self.reasons(json)
            #expect(reasons["offline"]?.hasPrefix("complete") == true)
            if withoutAgent { #expect(reasons["bare"]?.contains("no agent was ever enrolled") == true) }
        }
    }
}

/// A node that the job holds alone, and what its agent says of it.
private struct JobNode {
    let enrolment: Enrolment
    private var maker: BatchMaker
    private var place: Int64 = 0

    static let batchMicrojoules = BatchMaker.advanceMicrojoules

    init(_ enrolment: Enrolment) {
        self.enrolment = enrolment
        maker = BatchMaker(enrolment)
    }

    var pseudonym: String { Pseudonym.of(jobKey: "test/slurm/7@1", salt: enrolment.jobSalt) }

    private var change: BatchMaker.Change {
        var change = BatchMaker.Change()
        change.allocations = [
            AllocationFacts(job: pseudonym, mode: .exclusive, since: BatchMaker.begin, isActive: true)
        ]
        return change
    }

    mutating func measure() async throws { try await say(try maker.batch(change)) }

    /// What a restarted agent signs first: the energy of the time in which it was away.
    mutating func comeBack() async throws {
        var change = change
        change.state = .outage
        var sensor = maker.counterFacts(surplus: 0)
        sensor.readings = 2
        sensor.longestGapMilliseconds = BatchMaker.seconds * 1000
        sensor.bridgedMilliseconds = BatchMaker.seconds * 1000
        change.sensors = [sensor]
        try await say(try maker.batch(change))
    }

    private mutating func say(_ upload: EntryUpload) async throws {
        let verdict = try await Conversation.hold(as: enrolment) { try await $0.say(upload) }
        try #require(verdict.index != nil, "\(verdict)")
        maker.advance(past: upload)
    }

    /// The manifest, and the end of the job.
    func tell(_ event: JobEntry.Event, nodes: [String]) async throws {
        let stop = UTCTime(microseconds: BatchMaker.begin.microseconds + 3 * BatchMaker.seconds * 1_000_000)
        let entry = JobEntry(
            log: enrolment.log, time: stop, event: event, job: pseudonym, attempt: 0, witness: .scheduler,
            by: enrolment.node, start: BatchMaker.begin, stop: event == .end ? stop : nil,
            expectedNodes: Int64(nodes.count), nodes: nodes, recordSHA256: nil,
            salt: Array(repeating: event == .end ? 2 : 1, count: 16))
        let note = try enrolment.signingKey.sign(entry.text).bytes
        let upload = EntryUpload(log: enrolment.log, note: note, samples: [])
        let verdict = try await Conversation.hold(as: enrolment) { try await $0.say(upload) }
        try #require(verdict.index != nil, "\(verdict)")
    }
}
