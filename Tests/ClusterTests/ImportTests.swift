import Glibc
import Patience
import SeededRandom
import Testing

extension ClusterTests {
    /// Whole logs into a job: the integers that others computed, whatever the way.
    @Suite(.timeLimit(.minutes(4))) struct Imports {
        typealias Import = OrganizationUnderTest.Import

        private func expectAll(
            of run: RecordedRun, _ rule: ExactIntegral.Rule, as job: JobAnswer, _ comment: Comment? = nil
        ) throws {
            let expected = try run.expected()
            let total = rule == .right ? expected.rightMicrojoules : expected.trapezoidMicrojoules
            #expect(job.energyMicrojoules == total, comment)
            #expect(
                job.energies
                    == expected.nodes.mapValues {
                        rule == .right ? $0.rightMicrojoules : $0.trapezoidMicrojoules
                    }, comment)
            #expect(job.nodesReporting == 8, comment)
            #expect(job.byProvenance == ["recorded": total], comment)
        }

        @Test(arguments: RecordedRun.all, ExactIntegral.Rule.allCases)
        func everyNodeAndTheTotalAreExact(run: RecordedRun, rule: ExactIntegral.Rule) async throws {
            var random = SeededRandom(seed: Seed.fresh)
            let organization = try await AggregatorUnderTest.current.organization("Exact \(run.word) \(rule)")
            var wanted = Import(job: "whole", files: run.files.shuffled(using: &random), integration: rule.rawValue)
            let first = try await organization.run(wanted)
            try expectAll(of: run, rule, as: try await organization.job("whole"), "seed \(Seed.fresh)")
            #expect(first.allSatisfy { !$0.alreadyImported && $0.unattributedMicrojoules == 0 })

            let size = try await organization.size()
            wanted.files.shuffle(using: &random)
            let second = try await organization.run(wanted)
            #expect(second.allSatisfy { $0.alreadyImported })
            try expectAll(of: run, rule, as: try await organization.job("whole"), "seed \(Seed.fresh)")
            #expect(try await organization.size() == size, "a repetition adds nothing to the log")
        }

        @Test(arguments: ["m1", "m2"])
        func twoProcessesWithDisjointSetsAtOnce(secondMachine: String) async throws {
            let run = RecordedRun.acrossAnHour
            let organization = try await AggregatorUnderTest.current.organization("Disjoint \(secondMachine)")
            let left = Import(job: "halves", files: Array(run.files[..<3]), integration: "right")
            var right = left
            right.files = Array(run.files[3...])
            right.machine = secondMachine
            let processes = (try organization.start(left), try organization.start(right))
            _ = try OrganizationUnderTest.imported(try await processes.0.output())
            _ = try OrganizationUnderTest.imported(try await processes.1.output())
            try expectAll(of: run, .right, as: try await organization.job("halves"))
        }

        /// From one machine both are the same signer and say the same bytes; from two the log takes the first.
        @Test(arguments: ["m1", "m2"])
        func twoProcessesWithTheSameSetAtOnce(secondMachine: String) async throws {
            let run = RecordedRun.withGaps
            let organization = try await AggregatorUnderTest.current.organization("Same \(secondMachine)")
            let one = Import(job: "twice", files: run.files)
            var other = one
            other.machine = secondMachine
            let processes = (try organization.start(one), try organization.start(other))
            let outputs = (try await processes.0.output(), try await processes.1.output())
            for output in [outputs.0, outputs.1] {
                #expect(try OrganizationUnderTest.imported(output).map(\.energyMicrojoules).reduce(0, +) > 0)
            }
            try expectAll(of: run, .trapezoid, as: try await organization.job("twice"))
        }

        /// Kills an import soon after the log has grown, so that something of it is there and something is not.
        private func kill(
            _ process: ChildProcess, _ organization: OrganizationUnderTest, after size: Int64,
            _ random: inout SeededRandom
        ) async throws {
            _ = try await Patience.until("the log to grow") { () -> Bool? in
                if process.poll() != nil { return true }
                return try await organization.size() > size ? true : nil
            }
            try await Patience.moment(milliseconds: 0..<300, &random)
            try await process.kill9()
        }

        @Test(arguments: Seed.two) func killedAtAnyMomentAndRunAgain(seed: UInt64) async throws {
            var random = SeededRandom(seed: seed)
            let run = RecordedRun.acrossAnHour
            let organization = try await AggregatorUnderTest.current.organization("Killed \(seed)")
            let long = "\(organization.directory)/long.txt"
            try SyntheticLog.write(readings: 20_000, to: long, &random)
            let wanted = Import(
                job: "killed", files: run.files + [long], expectedNodes: 9, integration: "right")
            var sizes = [try await organization.size()]
            for _ in 0..<6 {
                let process = try organization.start(wanted)
                // Every other time at the very beginning, where the identity and the openings are made.
                if Bool.random(using: &random) { try await Patience.moment(milliseconds: 20..<900, &random) }
                try await kill(process, organization, after: sizes[sizes.count - 1], &random)
                sizes.append(try await organization.size())
            }
            print("ImportTests: seed \(seed), killed with \(sizes) entries in the log")
            try await organization.run(wanted)
            let whole = try await organization.size()
            #expect(sizes.contains { $0 > sizes[0] && $0 < whole }, "seed \(seed): never half way: \(sizes), \(whole)")
            var expected = try run.expected().nodes.mapValues(\.rightMicrojoules)
            let log = try ExactIntegral(mlperf: long)
            expected["long"] = log.microjoules(until: log.last, .right)
            let job = try await organization.job("killed")
            #expect(job.energies == expected, "seed \(seed)")
            #expect(job.energyMicrojoules == expected.values.reduce(0, +), "seed \(seed)")
        }

        @Test(arguments: RecordedRun.all) func theSwitchIsAnEstimateAndNoNode(run: RecordedRun) async throws {
            let organization = try await AggregatorUnderTest.current.organization("Switch \(run.word)")
            let expected = try run.expected()
            var wanted = Import(
                job: "fabric", files: run.files, start: "\(expected.startMilliseconds)",
                stop: "\(expected.stopMilliseconds)")
            try await organization.run(wanted)
            let without = try await organization.job("fabric")
            wanted.files.append(run.switchFile)
            try await organization.run(wanted)
            let with = try await organization.job("fabric")
            let share = RecordedRun.switchWatts * 1000 * expected.windowMilliseconds
            #expect(with.energyMicrojoules == without.energyMicrojoules + share)
            #expect(with.byProvenance == ["recorded": without.energyMicrojoules, "estimated": share])
            #expect(with.byBoundary == ["node-ac": without.energyMicrojoules, "network": share])
            #expect(with.nodesReporting == 8)
            #expect(with.energies == without.energies)
            #expect(with.nodes["sw_0"]?.kind == "source")
        }
    }
}
