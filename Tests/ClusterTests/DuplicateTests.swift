import Foundation
import JSONText
import Testing

extension ClusterTests {
    /// What counts twice, and what must not.
    @Suite(.timeLimit(.minutes(4))) struct Duplicates {
        typealias Import = OrganizationUnderTest.Import
        private let run = RecordedRun.acrossAnHour

        private func superseded(_ organization: OrganizationUnderTest) async throws -> Int64? {
            let day = try await organization.disclosure(from: "2024-05-17T00:00:00Z", to: "2024-05-18T00:00:00Z")
            return day["energy"]?["superseded_uj"]?.decimalString
        }

        @Test func twoNodesOfOneShelfBothCount() async throws {
            let manager = FileManager.default
            try #require(manager.contentsEqual(atPath: run.file("node_1"), andPath: run.file("node_2")))
            let organization = try await AggregatorUnderTest.current.organization("Shelf")
            try await organization.run(
                Import(job: "shelf", files: ["node_1", "node_2"].map(run.file), expectedNodes: 2, integration: "right"))
            let one = try #require(try run.expected().nodes["node_1"]).rightMicrojoules
            let job = try await organization.job("shelf")
            #expect(job.energies == ["node_1": one, "node_2": one])
            #expect(job.energyMicrojoules == 2 * one)
            #expect(try await superseded(organization) == 0)
        }

        @Test func theSameLogUnderAnotherNameOrJobCountsOnce() async throws {
            let organization = try await AggregatorUnderTest.current.organization("Again")
            let one = try #require(try run.expected().nodes["node_3"]).trapezoidMicrojoules
            let first = Import(job: "first", files: [run.file("node_3")], expectedNodes: 1)
            try await organization.run(first)

            // The very file from another place and another machine.
            let copy = "\(organization.directory)/copy.txt"
            try FileManager.default.copyItem(atPath: run.file("node_3"), toPath: copy)
            var second = first
            second.files = [copy]
            second.node = "node_3"
            second.machine = "m2"
            #expect(try await organization.run(second).map(\.alreadyImported) == [true])

            // Other bytes that say the same.
            let bytes = try #require(FileManager.default.contents(atPath: copy))
            try (bytes + Data("\n".utf8)).write(to: URL(filePath: copy))
            #expect(try await organization.run(second).map(\.alreadyImported) == [false])
            #expect(try await superseded(organization) == one)

            // Another job that claims the same node at the same time.
            var other = first
            other.job = "other"
            #expect(try await organization.run(other).map(\.alreadyImported) == [false])
            #expect(try await superseded(organization) == 2 * one)

            let job = try await organization.job("first")
            #expect(job.energies == ["node_3": one])
            #expect(try await organization.job("other").energyMicrojoules == 0)
            #expect(try await organization.job("other").flags.contains("superseded"))
            let day = try await organization.disclosure(from: "2024-05-17T00:00:00Z", to: "2024-05-18T00:00:00Z")
            #expect(day["energy"]?["it_uj"]?.decimalString == one)
        }
    }
}
