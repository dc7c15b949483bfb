import Foundation
import JSONText
import NodeAgent
import Patience
import SeededRandom
import Testing

extension ClusterTests {
    /// Real agents that are stopped and killed in the middle of jobs.
    @Suite(.timeLimit(.minutes(5))) struct Restarts {
        private struct Bed {
            let organization: OrganizationUnderTest
            let tree: NodeTree
            let enrolment: Enrolment
            let socket: String
            /// Whether the node's processes are real ones.
            let hasRealProcesses: Bool
            private(set) var fed = 0
            private(set) var agent: ChildProcess?

            init(_ name: String, hasRealProcesses: Bool = false) async throws {
                organization = try await AggregatorUnderTest.current.organization(name)
                tree = try NodeTree("\(organization.directory)/tree")
                enrolment = try await organization.enrol("n1")
                socket = "\(organization.directory)/s"
                self.hasRealProcesses = hasRealProcesses
            }

            mutating func start() async throws {
                let ready = "\(organization.directory)/ready"
                try? FileManager.default.removeItem(atPath: ready)
                agent = try ChildProcess(
                    .agent,
                    [
                        "run", "--data-dir", enrolment.directory, "--metrics", "127.0.0.1:0", "--interval-seconds",
                        "5", "--sysfs-root", tree.sysfs, "--hook-dir", tree.hooks, "--slurm-bin", tree.programs,
                        "--slurm-node", "n1", "--socket", socket, "--ready-file", ready,
                    ] + (hasRealProcesses ? [] : ["--procfs-root", tree.procfs]),
                    directory: organization.aggregator.directory.path)
                _ = try await Patience.until("the agent's ready file") { FileManager.default.contents(atPath: ready) }
                // Until it measures, what it finds is not in the hands of the measuring thread.
                _ = try await Patience.until("the agent's start") {
                    try await status()?["started"].flatMap(\.string)
                }
            }

            mutating func kill() async throws {
                try await agent?.kill9()
                agent = nil
            }

            mutating func stop() async throws {
                agent?.send(SIGTERM)
                let output = try #require(try await agent?.output())
                #expect(output.status == 0, "\(output.errors)")
                agent = nil
            }

            /// What the agent says that it does, nil where none runs.
            func status() async throws -> JSONValue? {
                let output = try await ChildProcess(
                    .agent, ["status", "--socket", socket, "--json"], directory: organization.aggregator.directory.path
                ).output()
                guard output.status == 0 else {
                    #expect(output.status == 3 && output.errors.contains("no agent runs there"), "\(output.errors)")
                    return nil
                }
                return try JSONValue(parsing: Array(output.text.utf8))
            }

            /// The node draws for so long.
            ///
            /// - Returns: how much.
            mutating func draw(milliseconds: Int) async throws -> Int {
                let before = fed
                for _ in 0..<max(1, milliseconds / 100) {
                    fed += Int.random(in: 1_000_000...20_000_000)
                    try tree.feed(fed)
                    // The agent samples by the machine's clock: what is drawn in no time is no history.
                    try await Task.sleep(for: .milliseconds(100))
                }
                return fed - before
            }

            /// The counters stand still long enough that an edge is between two equal readings.
            func rest() async throws { try await Task.sleep(for: .milliseconds(2300)) }
        }

        private func job(_ id: Int) -> NodeTree.Job {
            NodeTree.Job(id: id, account: "a", user: "u", name: "j\(id)", processors: 64, isExclusive: true)
        }

        /// Two kills inside of one job cost nothing; kills around its edges give nobody what is another's.
        @Test(arguments: Seed.two) func aKilledAgentCrossesNoEnergy(seed: UInt64) async throws {
            var random = SeededRandom(seed: seed)
            var bed = try await Bed("Restart \(seed)")
            try await bed.start()
            try await bed.rest()
            var truth: [Int: Int] = [:]
            try bed.tree.begin(job(21), node: "n1")
            try await bed.rest()
            truth[21, default: 0] += try await bed.draw(milliseconds: 7000)
            for _ in 0..<2 {
                try await bed.kill()
                truth[21, default: 0] += try await bed.draw(milliseconds: 3000)
                try await bed.start()
                truth[21, default: 0] += try await bed.draw(milliseconds: 2500)
            }
            try await bed.rest()
            try bed.tree.end(job(21))
            var running: Int?
            for round in 0..<4 {
                try await bed.rest()
                if running == nil {
                    running = 30 + round
                    try bed.tree.begin(job(30 + round), node: "n1")
                    // Seen at least: of a job between two looks without hooks nobody knows.
                    try await bed.rest()
                }
                func draw(_ milliseconds: Int) async throws {
                    let drawn = try await bed.draw(milliseconds: milliseconds)
                    if let running { truth[running, default: 0] += drawn }
                }
                try await draw(Int.random(in: 200...5000, using: &random))
                try await bed.kill()
                try await draw(Int.random(in: 200...1500, using: &random))
                let choice = Int.random(in: 0...2, using: &random)
                if choice > 0, let ended = running {
                    try bed.tree.end(job(ended))
                    running = nil
                }
                if choice == 2 {
                    running = 40 + round
                    try bed.tree.begin(job(40 + round), node: "n1")
                }
                try await draw(Int.random(in: 200...1500, using: &random))
                try await bed.start()
            }
            try await bed.rest()
            if let running { try bed.tree.end(job(running)) }
            try await bed.rest()
            try await bed.stop()
            try await compare(bed, truth, "seed \(seed)")
        }

        private func compare(_ bed: Bed, _ truth: [Int: Int], _ comment: Comment) async throws {
            var posted: Int64 = 0
            for (id, drawn) in truth.sorted(by: { $0.key < $1.key }) {
                let answer = try await bed.organization.answer(["job", "show", "\(id)"])
                let row = try JobAnswer(answer)
                #expect(row.energyMicrojoules <= Int64(drawn), "\(comment) job \(id)")
                #expect(answer["stop"]?.string != nil, "\(comment) job \(id) ended")
                posted += row.energyMicrojoules
                guard id == 21 else { continue }
                #expect(row.energyMicrojoules == Int64(drawn), "\(comment)")
                let node = try #require(row.nodes["n1"])
                // A hold that began in a joined interval is scaled to its time, rounded down.
                #expect(node.missingMilliseconds <= 4 && node.bridgedMilliseconds > 0, "\(comment) \(answer.text())")
            }
            let (from, to) = Self.period
            let energy = try #require(try await bed.organization.disclosure(from: from, to: to)["energy"])
            let others = try ["idle_uj", "unattributed_uj", "gap_uj"].map { name in
                try #require(energy[name]?.decimalString)
            }
            #expect(posted + others.reduce(0, +) == Int64(bed.fed), "\(comment)")
            #expect(energy["it_uj"]?.decimalString == Int64(bed.fed), "\(comment)")
        }

        /// Whole hours around now.
        private static var period: (String, String) {
            let hour = Int(Date().timeIntervalSince1970) / 3600
            let style = Date.ISO8601FormatStyle()
            return (
                Date(timeIntervalSince1970: Double(hour - 1) * 3600).formatted(style),
                Date(timeIntervalSince1970: Double(hour + 1) * 3600).formatted(style)
            )
        }

        /// The batches behind a change of the key are signed by one that the log learns of in the same moment.
        @Test func aChangedKeyGoesOnWithTheChain() async throws {
            var bed = try await Bed("Changed key")
            /// The home log, as soon as it has a batch behind this one.
            func log(behind sequence: Int64) async throws -> JSONValue {
                try await Patience.until("a batch behind \(sequence) in the log") {
                    let log = try await bed.status()?["log"]
                    guard let log, log["acknowledged_seq"]?.decimalString ?? -1 > sequence else {
                        return Optional.none
                    }
                    return log
                }
            }
            try await bed.start()
            let before = try await log(behind: -1)
            try await bed.stop()
            let changed = try await ChildProcess(
                .agent, ["rotate-key", "--data-dir", bed.enrolment.directory],
                directory: bed.organization.aggregator.directory.path
            ).output()
            #expect(changed.status == 0, "\(changed.errors)")
            try await bed.start()
            let after = try await log(behind: (try #require(before["acknowledged_seq"]?.decimalString)) + 1)
            #expect(after["incarnation"] == before["incarnation"] && after["held"]?.array?.isEmpty == true)
            try await bed.stop()
        }

        // MARK: Claims

        /// `wattest exec` goes on whatever becomes of the agent, and so does its hold.
        @Test func aClaimIsOneHoldThroughAStopAndAKill() async throws {
            var bed = try await Bed("Claims", hasRealProcesses: true)
            let before = try await bed.status()
            #expect(before == nil)
            try await bed.start()
            let exec = try hold(bed, "train", until: "over")
            func held() async throws -> JSONValue? {
                try await bed.status()?["jobs"]?.array?.first { $0["key"]?.string == "default/exec/train@-" }
            }
            let first = try await Patience.until("the claim") { try await held() }
            #expect(first["told_by"]?.string == "socket" && first["before_start"]?.bool == false)
            try await bed.stop()
            try await bed.start()
            let second = try await Patience.until("the claim after the stop") { try await held() }
            #expect(second["since"] == first["since"] && second["before_start"]?.bool == true)
            // A clean stop has told of no end.
            let running = try await Patience.until("the job in the log") { try await row(bed, "train") }
            #expect(running["stop"]?.isNull == true, "\(running.text())")
            try await bed.kill()
            try await bed.start()
            let third = try await Patience.until("the claim after the kill") { try await held() }
            #expect(third["since"] == first["since"])
            try Data().write(to: URL(fileURLWithPath: "\(bed.organization.directory)/over"))
            let output = try await exec.output()
            #expect(output.status == 0, "\(output.errors)")
            let over = try await stopped(bed, "train")
            #expect(over["attempts"]?.int64 == 1)
            #expect(over["start"]?.string?.prefix(19) == first["since"]?.string?.prefix(19))
            let gone = try await bed.status()?["jobs"]?.array?.count
            #expect(gone == 0)
        }

        /// A job that ends while no agent runs gets its end, bounded by what is known.
        @Test func aJobThatEndsWithoutAnAgentHasAnEnd() async throws {
            var bed = try await Bed("Unseen", hasRealProcesses: true)
            try await bed.start()
            let exec = try hold(bed, "unseen", until: "over")
            _ = try await Patience.until("a batch of the job") {
                try await self.row(bed, "unseen")?["by_node"]?.array?.first
            }
            try await bed.kill()
            try Data().write(to: URL(fileURLWithPath: "\(bed.organization.directory)/over"))
            _ = try await exec.output()
            let ended = Date()
            try await bed.start()
            let row = try await stopped(bed, "unseen")
            let stop = try #require(row["stop"]?.string.flatMap { try? Date($0.prefix(19) + "Z", strategy: .iso8601) })
            #expect(stop.timeIntervalSince(ended) > -1.5 && stop <= Date(), "\(row.text())")
            #expect(row["lower_bound"]?.bool == true)
        }

        private func hold(_ bed: Bed, _ job: String, until file: String) throws -> ChildProcess {
            try ChildProcess(
                .wattest,
                [
                    "exec", "--job", job, "--", "/bin/sh", "-c",
                    "while [ ! -e \(bed.organization.directory)/\(file) ]; do sleep 0.2; done",
                ], environment: ["WATTEST_AGENT_SOCKET": bed.socket],
                directory: bed.organization.aggregator.directory.path)
        }

        private func stopped(_ bed: Bed, _ job: String) async throws -> JSONValue {
            try await Patience.until("the end of \(job)") {
                let row = try await row(bed, job)
                return row?["stop"]?.string == nil ? nil : row
            }
        }

        /// nil while the log does not know the job.
        private func row(_ bed: Bed, _ job: String) async throws -> JSONValue? {
            let output = try await bed.organization.wattest(["job", "show", job, "--json"]).output()
            // `nil` alone would be read as JSON's null, a job that is there.
            guard output.status == 0 else { return Optional.none }
            return try JSONValue(parsing: Array(output.text.utf8))
        }
    }
}
