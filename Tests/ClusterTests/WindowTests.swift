import JSONText
import SeededRandom
import Testing

extension ClusterTests {
    /// A job holds its nodes in a window; what the logs say outside of it belongs to nobody.
    @Suite(.timeLimit(.minutes(4))) struct Windows {
        typealias Import = OrganizationUnderTest.Import

        @Test(arguments: RecordedRun.all) func theWindowOfTheRun(run: RecordedRun) async throws {
            let organization = try await AggregatorUnderTest.current.organization("Window \(run.word)")
            let expected = try run.expected()
            let wanted = Import(
                job: "run", files: run.files, start: "\(expected.startMilliseconds)",
                stop: "\(expected.stopMilliseconds)")
            try await organization.run(wanted)
            let job = try await organization.job("run")
            for (name, node) in expected.nodes {
                let answer = try #require(job.nodes[name])
                let energy = try #require(answer.energyMicrojoules)
                // Both roundings are below one microjoule; the bar is a millionth.
                #expect((energy - node.windowMicrojoules).magnitude <= 1, "\(name)")
                #expect(answer.missingMilliseconds == node.uncoveredMilliseconds, "\(name)")
                #expect(
                    answer.measuredMilliseconds + answer.bridgedMilliseconds + answer.missingMilliseconds
                        == expected.windowMilliseconds, "\(name)")
            }
            #expect(job.isLowerBound)
            #expect(job.energyMicrojoules == job.energies.values.reduce(0, +))
        }

        private struct Cut {
            var file: String
            var start: Int128
            var stop: Int128
            var rule: ExactIntegral.Rule
        }

        /// Windows inside of the logs: a minute from both ends, and any at all.
        private func cuts(_ random: inout SeededRandom) throws -> [Cut] {
            var cuts: [Cut] = []
            for run in RecordedRun.all {
                let expected = try run.expected()
                let (start, stop) = (
                    Int128(expected.startMilliseconds) * 1000, Int128(expected.stopMilliseconds) * 1000
                )
                for rule in ExactIntegral.Rule.allCases {
                    cuts.append(
                        Cut(
                            file: run.file("node_5"), start: start + 60_000_000, stop: stop - 60_000_000, rule: rule))
                    let node = RecordedRun.nodeNames.randomElement(using: &random) ?? "node_1"
                    let log = try ExactIntegral(mlperf: run.file(node))
                    let edges = (0..<2).map { _ in Int128.random(in: log.first...log.last, using: &random) }.sorted()
                    cuts.append(Cut(file: run.file(node), start: edges[0], stop: edges[1] + 1, rule: rule))
                }
            }
            return cuts
        }

        @Test(arguments: Seed.two) func anyWindowIsTheExactIntegralRoundedOncePerCut(seed: UInt64) async throws {
            var random = SeededRandom(seed: seed)
            let organization = try await AggregatorUnderTest.current.organization("Cuts \(seed)")
            var unattributed: Int64 = 0
            for (number, cut) in try cuts(&random).enumerated() {
                let comment: Comment = "seed \(seed), window \(number): \(cut)"
                let log = try ExactIntegral(mlperf: cut.file)
                let whole = log.microjoules(until: log.last, cut.rule)
                let energy = log.microjoules(from: cut.start, to: cut.stop, cut.rule)
                let name = "cut-\(number)"
                let files = try await organization.run(
                    Import(
                        job: name, files: [cut.file], start: RecordedTime.text(cut.start),
                        stop: RecordedTime.text(cut.stop), expectedNodes: 1, integration: cut.rule.rawValue, node: name)
                )
                #expect(files.map(\.energyMicrojoules) == [energy], comment)
                #expect(files.map(\.unattributedMicrojoules) == [whole - energy], comment)
                let job = try await organization.job(name)
                #expect(job.energyMicrojoules == energy, comment)
                #expect(job.energies == [name: energy], comment)
                unattributed += whole - energy
            }
            let year = try await organization.disclosure(from: "2024-05-16T00:00:00Z", to: "2024-05-18T00:00:00Z")
            #expect(year["energy"]?["unattributed_uj"]?.decimalString == unattributed, "seed \(seed)")
        }

        @Test func twoHoursOfARunAddUpToIt() async throws {
            let run = RecordedRun.acrossAnHour
            let organization = try await AggregatorUnderTest.current.organization("Hours")
            try await organization.run(Import(job: "hours", files: run.files))
            var hours: [Int64] = []
            for (from, to) in [("04", "05"), ("05", "06")] {
                let report = try await organization.disclosure(
                    from: "2024-05-17T\(from):00:00Z", to: "2024-05-17T\(to):00:00Z")
                let energy = try #require(report["energy"]?["it_uj"]?.decimalString)
                #expect(report["jobs"]?.array?.compactMap { $0["energy_uj"]?.decimalString } == [energy])
                hours.append(energy)
            }
            // The hour is a cut as any other.
            let hour: Int128 = 1_715_922_000_000_000
            let logs = try run.files.map { try ExactIntegral(mlperf: $0) }
            #expect(hours[0] == logs.reduce(0) { $0 + $1.microjoules(until: hour, .trapezoid) })
            #expect(hours.reduce(0, +) == (try run.expected().trapezoidMicrojoules))
        }
    }
}

/// Times of recorded logs as a person writes them.
enum RecordedTime {
    /// RFC 3339 in UTC with microseconds, for the one day of the recordings.
    static func text(_ microseconds: Int128) -> String {
        let day: Int128 = 1_715_904_000_000_000  // 2024-05-17T00:00:00Z
        let begin = microseconds < day ? day - 86_400_000_000 : day
        let rest = Int(microseconds - begin)
        func padded(_ value: Int, _ digits: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: digits - text.utf8.count) + text
        }
        let seconds = rest / 1_000_000
        let time = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
        return "2024-05-\(microseconds < day ? 16 : 17)T\(time).\(padded(rest % 1_000_000, 6))Z"
    }
}
