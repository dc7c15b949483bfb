import Foundation
import JSONText
import NodeAgent
import Patience
import Testing

extension ClusterTests {
    /// Whose accounts are whose is a signed setting, and every agent of the log follows it.
    @Suite(.timeLimit(.minutes(3))) struct Accounts {
        @Test func anAgentNamesJobsAsTheLogSays() async throws {
            let organization = try await AggregatorUnderTest.current.organization("Mapped")
            let tree = try NodeTree("\(organization.directory)/tree")
            let enrolment = try await organization.enrol("m1")
            let wrong = try await organization.wattest(
                ["org", "set", "account.map", #"{"slurm": {"lab7": "Not A Slug"}}"#, "--json"]
            ).output()
            #expect(wrong.status != 0 && wrong.errors.contains("slurm.lab7"), "\(wrong.errors)")
            let set = try await organization.answer(
                ["org", "set", "account.map", #"{"slurm": {"Lab7": "beta", "own": "gamma"}}"#])
            let index = try #require(set["index"]?.decimalString)
            let file = "\(organization.directory)/accounts"
            try "slurm own delta\n".write(toFile: file, atomically: true, encoding: .utf8)
            let socket = "\(organization.directory)/s"
            let agent = try ChildProcess(
                .agent,
                [
                    "run", "--data-dir", enrolment.directory, "--metrics", "127.0.0.1:0", "--interval-seconds", "5",
                    "--sysfs-root", tree.sysfs, "--procfs-root", tree.procfs, "--hook-dir", tree.hooks, "--slurm-bin",
                    tree.programs, "--slurm-node", "m1", "--socket", socket, "--account-map", file,
                ], directory: organization.aggregator.directory.path)
            // The setting comes with a checkpoint, and is kept for a start without an aggregator.
            _ = try await Patience.until("the account map on the node") {
                FileManager.default.contents(atPath: "\(enrolment.directory)/account-map.json")
            }
            for (id, account) in [(51, "lab7"), (52, "own"), (53, "other")] {
                try tree.begin(
                    NodeTree.Job(id: id, account: account, user: "u", name: "j", processors: 1), node: "m1")
            }
            let organizations = try await Patience.until("the names of the jobs") { () -> [String: String?]? in
                let status = try await ChildProcess(
                    .agent, ["status", "--socket", socket, "--json"], directory: organization.aggregator.directory.path
                ).output()
                guard status.status == 0 else { return nil }
                let jobs = try JSONValue(parsing: Array(status.text.utf8))["jobs"]?.array ?? []
                guard jobs.count == 3, jobs.allSatisfy({ $0["key"]?.string != nil }) else { return nil }
                return Dictionary(
                    uniqueKeysWithValues: jobs.map { job in
                        (String(job["key"]?.string?.split(separator: "@").first ?? ""), job["organization"]?.string)
                    })
            }
            #expect(Set(organizations.keys) == ["default/slurm/51", "default/slurm/52", "default/slurm/53"])
            #expect(organizations["default/slurm/51"] == "beta", "the signed setting, folded")
            #expect(organizations["default/slurm/52"] == "delta", "the node's own file holds over it")
            #expect(organizations["default/slurm/53"] == .some(nil), "who is not named is the home organization's")
            agent.send(SIGTERM)
            let output = try await agent.output()
            #expect(output.status == 0, "\(output.errors)")
            #expect(output.errors.contains("as entry \(index) of the log says"), "\(output.errors)")
        }
    }
}
