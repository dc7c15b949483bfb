import Disclosure
import Foundation
import Identity
import JSONText
import Testing
import TransparencyLog

extension ClusterTests {
    /// Bundles for those who are not shown every entry, as the program exports them and as an auditor receives them.
    @Suite(.timeLimit(.minutes(4))) struct Withheld {
        /// Two jobs of 2024 and a node's batches of 2026.
        private func scene(_ name: String) async throws -> OrganizationUnderTest {
            let organization = try await AggregatorUnderTest.current.organization(name)
            let enrolment = try await organization.enrol("later-node")
            try await Conversation.hold(as: enrolment) { conversation in
                var maker = BatchMaker(enrolment)
                for _ in 0..<4 { try await conversation.goOn(maker.batch(), &maker) }
            }
            let run = RecordedRun.acrossAnHour
            for (job, node) in [("shown-job", "node_1"), ("hidden-job", "node_2")] {
                try await organization.run(
                    OrganizationUnderTest.Import(job: job, files: [run.file(node)], expectedNodes: 1))
            }
            return organization
        }

        private func export(
            _ organization: OrganizationUnderTest, _ name: String, _ words: [String]
        ) async throws -> String {
            let bundle = "\(organization.directory)/\(name)"
            let made = try await organization.wattest(
                ["evidence", "export", "--from", "2024-05-17T04:00:00Z", "--to", "2024-05-17T06:00:00Z", "--samples"]
                    + ["-o", bundle] + words
            ).output()
            try #require(made.status == 0, "\(made.errors)")
            return bundle
        }

        private func verdict(_ organization: OrganizationUnderTest, _ bundle: String) async throws -> JSONValue {
            try JSONValue(parsing: Array(try await organization.audit(bundle).text.utf8))
        }

        private func text(of bundle: String) throws -> String {
            try FileManager.default.subpathsOfDirectory(atPath: bundle).compactMap { path in
                FileManager.default.contents(atPath: "\(bundle)/\(path)").map {
                    "\(path)\n" + String(decoding: $0, as: UTF8.self)
                }
            }.joined()
        }

        @Test func onlyThePeriodAndOnlyOneJobAreShown() async throws {
            let organization = try await scene("Withheld")
            let period = try await export(organization, "period", ["--only-period", "--audience", "authority"])
            let job = try await export(organization, "job", ["--job", "shown-job", "--audience", "authority"])
            let both = try await export(
                organization, "both", ["--only-period", "--job", "shown-job", "--audience", "authority"])
            for (bundle, withheld) in [(period, Int64(4)), (job, nil), (both, nil)] {
                let verdict = try await verdict(organization, bundle)
                #expect(verdict["verdict"]?.string == "verified in part", "\(verdict.text(.compact))")
                let count = try #require(verdict["counts"]?["withheld"]?.int64)
                #expect(count >= 4 && count == withheld ?? count, "\(verdict.text(.compact))")
                let missing = verdict["not_covered"]?.array?.compactMap(\.string) ?? []
                #expect(missing.contains { $0.contains("\(count) withheld entries") }, "\(missing)")
            }
            // What is withheld is not there in any other form either.
            #expect(try text(of: period).contains("hidden-job"))
            for bundle in [job, both] {
                let text = try text(of: bundle)
                #expect(!text.contains("hidden-job") && text.contains("shown-job"))
                #expect(!text.contains("rapl:package-0"), "the other node's batches are there")
            }
            // Where jobs have no names, none is mistaken for another one.
            let nameless = try await export(
                organization, "nameless", ["--job", "hidden-job", "--audience", "ai-office"])
            let verdict = try await verdict(organization, nameless)
            #expect(verdict["verdict"]?.string == "verified in part", "\(verdict.text(.compact))")
            // An assurer is shown every entry.
            let refused = try await organization.wattest(
                ["evidence", "export", "--from", "2024-05-17T04:00:00Z", "--to", "2024-05-17T06:00:00Z"]
                    + ["--only-period", "-o", "\(organization.directory)/refused"]
            ).output()
            #expect(refused.status != 0 && refused.errors.contains("assurer"), "\(refused.errors)")
        }

        /// Who changes the bundle on its way, and the operator who signs it again: neither gets past the tree.
        @Test func whatIsWithheldCannotBeExchanged() async throws {
            let organization = try await scene("Withheld and changed")
            let bundle = try await export(
                organization, "job", ["--only-period", "--job", "shown-job", "--audience", "authority"])
            func expect(_ failureClass: String, _ place: String) async throws {
                let verdict = try await verdict(organization, bundle)
                #expect(verdict["verdict"]?.string == "refused", "\(verdict.text(.compact))")
                #expect(verdict["failure_class"]?.string == failureClass, "\(verdict.text(.compact))")
                #expect(verdict["failure"]?["place"]?.string?.hasPrefix(place) == true, "\(verdict.text(.compact))")
            }
            let files = try FileManager.default.subpathsOfDirectory(atPath: bundle)
            let leaves = try #require(
                files.first { $0.hasPrefix("withheld/") && $0 != "withheld" && !$0.hasSuffix(".p") })
            let (honest, manifest) = (try read(bundle, leaves), try read(bundle, BundleManifest.path))
            var changed = honest
            changed[3] ^= 1
            try write(changed, bundle, leaves)
            try await expect("file", leaves)
            try resign(bundle, organization)
            try await expect("range", "")
            try write(honest, bundle, leaves)
            try write(manifest, bundle, BundleManifest.path)
            // The job's energy made less, and signed.
            let page = try read(bundle, "disclosure.json")
            let value = try JSONValue(parsing: page)
            let energy = try #require(value["jobs"]?.array?.first?["energy_uj"]?.string)
            let text = String(decoding: page, as: UTF8.self).replacing("\"\(energy)\"", with: "\"1\"")
            try write(Array(text.utf8), bundle, "disclosure.json")
            try resign(bundle, organization)
            try await expect("report", "disclosure.json")
            try write(page, bundle, "disclosure.json")
            try write(manifest, bundle, BundleManifest.path)
            #expect(try await verdict(organization, bundle)["verdict"]?.string == "verified in part")
        }

        private func read(_ bundle: String, _ path: String) throws -> [UInt8] {
            Array(try #require(FileManager.default.contents(atPath: "\(bundle)/\(path)")))
        }

        private func write(_ bytes: [UInt8], _ bundle: String, _ path: String) throws {
            try Data(bytes).write(to: URL(filePath: "\(bundle)/\(path)"))
        }

        /// The manifest over the files as they are, by the key that the operator has.
        private func resign(_ bundle: String, _ organization: OrganizationUnderTest) throws {
            let old = try SignedManifest(parsing: read(bundle, BundleManifest.path)).manifest
            let secret = try PrivateFile.readSecret(
                "\(organization.aggregator.installation)/logs/\(organization.slug)/administration.key")
            let key = try SigningKey(parsing: String(decoding: secret, as: UTF8.self).trimmingCharacters(in: .newlines))
            let files = try old.files.map { BundleManifest.File(path: $0.path, bytes: try read(bundle, $0.path)) }
            let manifest = BundleManifest(
                origin: old.origin, period: old.period, audience: old.audience, size: old.size,
                withheldEntries: old.withheldEntries, files: files)
            try write(try manifest.signed(by: key), bundle, BundleManifest.path)
        }
    }
}
