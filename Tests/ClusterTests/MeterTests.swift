import Foundation
import Identity
import JSONText
import Patience
import Testing

extension ClusterTests {
    /// A meter outside of two nodes, asked by the agents of both: one by JSON, one by CSV.
    @Suite(.timeLimit(.minutes(4))) struct Meters {
        private let nodes = ["rack-1", "rack-2"]

        /// The agent's settings: its own cords, and the shelf that feeds both.
        private func settings(of index: Int, _ meter: MeterUnderTest) -> String {
            let isCSV = index == 1
            func places(_ outlets: [Int]) -> String {
                let places = outlets.map { outlet in
                    isCSV
                        ? "{key: outlet, row: outlet-\(outlet), column: joules}"
                        : "\"nodes[\(outlet / 2)].cords[\(outlet % 2)]\""
                }
                return "\(isCSV ? "csv" : "json"): [\(places.joined(separator: ", "))]"
            }
            let shelf = isCSV ? "csv: [{key: outlet, row: shelf, column: joules}]" : "json: [\"shelf.joules\"]"
            return """
                meters:
                  - name: pdu-1
                    server: http://127.0.0.1:\(meter.port)/outlets.\(isCSV ? "csv" : "json")
                    feeds:
                      - {id: rack-1, nodes: [rack-1], unit: J, \(places([0, 1]))}
                      - {id: rack-2, nodes: [rack-2], unit: J, \(places([2, 3]))}
                      - {id: shelf, nodes: [rack-1, rack-2], unit: J, \(shelf)}

                """
        }

        private func start(
            _ index: Int, _ meter: MeterUnderTest, _ owner: OrganizationUnderTest
        ) async throws -> (ChildProcess, NodeTree) {
            _ = try await owner.enrol(nodes[index])
            let tree = try NodeTree("\(owner.directory)/tree-\(index)")
            let config = "\(owner.directory)/agent-\(index).yaml"
            try PrivateFile.write(Array(settings(of: index, meter).utf8), to: config)
            let agent = try ChildProcess(
                .agent,
                [
                    "run", "--data-dir", "\(owner.directory)/node-\(nodes[index])", "--metrics", "127.0.0.1:0",
                    "--interval-seconds", "5", "--config", config, "--sysfs-root", tree.sysfs, "--procfs-root",
                    tree.procfs, "--hook-dir", tree.hooks, "--slurm-bin", tree.programs,
                ], directory: owner.aggregator.directory.path)
            return (agent, tree)
        }

        /// Whole readings by both agents that began after now.
        private func areRead(_ meter: MeterUnderTest, _ agents: [ChildProcess]) async throws {
            _ = try await Patience.until("two more readings of the meter by each agent", seconds: 90) {
                for agent in agents where agent.poll() != nil {
                    throw ChildProcess.Failure(description: "an agent ended: \(agent.errors)")
                }
                let isRead = ["/outlets.json", "/outlets.csv"].allSatisfy { meter.answers($0) >= 3 }
                return isRead ? true : nil
            }
        }

        @Test func aRacksMeterStandsAboveItsNodes() async throws {
            let owner = try await AggregatorUnderTest.current.organization("Racked")
            var counters = MeterUnderTest.Counters(cords: [[7_000, 9_000], [1_000_000, 5]], shelf: 77_000_000)
            let meter = try MeterUnderTest(counters)
            meter.start()
            defer { meter.turnOff() }
            var agents: [ChildProcess] = []
            var trees: [NodeTree] = []
            for index in nodes.indices {
                let (agent, tree) = try await start(index, meter, owner)
                agents.append(agent)
                trees.append(tree)
            }
            try await areRead(meter, agents)
            // Inside each node its package counts a part of the same energy.
            for tree in trees { try tree.feed(500_000_000) }
            counters.cords = [[7_000 + 1_111, 9_000 + 2_222], [1_000_000 + 4_444, 5 + 3_210]]
            // Both nodes draw 10,987 J; the shelf's fans and its own supply 3,413 J.
            counters.shelf += 14_400
            meter.set(counters)
            try await areRead(meter, agents)
            for agent in agents { agent.send(SIGTERM) }
            for agent in agents {
                let output = try await agent.output(seconds: 60)
                #expect(output.status == 0, "\(output.errors)")
            }
            try await reconcile(owner)
        }

        private func reconcile(_ owner: OrganizationUnderTest) async throws {
            let hour = Int(Date().timeIntervalSince1970) / 3600
            let style = Date.ISO8601FormatStyle()
            let from = Date(timeIntervalSince1970: Double(hour - 1) * 3600).formatted(style)
            let to = Date(timeIntervalSince1970: Double(hour + 1) * 3600).formatted(style)
            // 14,400 J are 4 Wh; the second meter supplies one node alone.
            for (name, mwh, supplied) in [("shelf", "0.000004", nodes), ("half", "0.000001", [nodes[0]])] {
                let words = supplied.flatMap { ["--node", $0] }
                _ = try await owner.answer(
                    ["meter", "read", name, "--site", "default", "--start", from, "--end", to, "--mwh", mwh] + words)
            }
            let report = try await owner.disclosure(from: from, to: to)
            // Once, at the outermost layer: not with the packages, not with the shelf.
            #expect(report["energy"]?["it_uj"]?.decimalString == 10_987_000_000)
            let meters = try #require(report["reconciliation"]?.array)
            try #require(meters.count == 2, "\(report["missing"]?.text() ?? "")")
            let (half, shelf) = (meters[0], meters[1])
            #expect(shelf["nodes"]?.array?.compactMap(\.string) == nodes)
            #expect(shelf["meter_uj"]?.decimalString == 14_400_000_000)
            #expect(shelf["inside_uj"]?.decimalString == 10_987_000_000)
            #expect(shelf["outside_uj"]?.decimalString == 3_413_000_000)
            #expect(half["inside_uj"]?.decimalString == 3_333_000_000)
            let bundle = try await owner.evidence(from: from, to: to)
            let audit = try await owner.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
        }
    }
}
