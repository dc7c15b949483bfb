import Foundation
import Identity
import JSONText
import Patience
import PinnedHTTPS
import Testing
import TransparencyLog

extension ClusterTests {
    /// One node, two organizations: each log holds its own, and both together hold every microjoule once.
    @Suite(.timeLimit(.minutes(5))) struct Tenants {
        private struct Bed {
            let home: OrganizationUnderTest
            let tenant: OrganizationUnderTest
            let tree: NodeTree
            let node: String
            let data: String

            init(_ node: String, home: String, tenant: String) async throws {
                let aggregator = try AggregatorUnderTest.current
                self.home = try await aggregator.organization(home)
                self.tenant = try await aggregator.organization(tenant)
                self.node = node
                tree = try NodeTree("\(self.home.directory)/tree")
                data = "\(self.home.directory)/agent"
            }

            /// `wattest-agent enroll` with a token of an organization.
            func enrol(_ organization: OrganizationUnderTest, _ more: [String]) async throws -> ChildProcess.Output {
                let aggregator = organization.aggregator
                let join = try await aggregator.post(
                    "/v1/organizations/\(organization.slug)/tokens",
                    ["uses": 1, "ttl_seconds": 600, "kind": "join"], token: organization.token)
                return try await ChildProcess(
                    .agent,
                    [
                        "enroll", "--server", "https://\(try aggregator.addresses.server)", "--ca-sha256",
                        Hexadecimal.encode(try aggregator.authority.sha256), "--token",
                        try #require(join["token"]?.string), "--node", node, "--data-dir", data,
                    ] + more, directory: aggregator.directory.path
                ).output()
            }

            func agent() async throws -> ChildProcess {
                let map = "\(home.directory)/accounts"
                let lines = "slurm Landlord \(home.slug)\nslurm LODGE \(tenant.slug)  # folded, as Slurm does\n"
                try PrivateFile.write(Array(lines.utf8), to: map)
                let ready = "\(home.directory)/ready"
                let agent = try ChildProcess(
                    .agent,
                    [
                        "run", "--data-dir", data, "--metrics", "127.0.0.1:0", "--interval-seconds", "5",
                        "--sysfs-root", tree.sysfs, "--procfs-root", tree.procfs, "--hook-dir", tree.hooks,
                        "--slurm-bin", tree.programs, "--slurm-node", node, "--account-map", map,
                        "--ready-file", ready,
                    ], directory: home.aggregator.directory.path)
                _ = try await Patience.until("the agent's ready file", seconds: 60) {
                    FileManager.default.contents(atPath: ready)
                }
                return agent
            }
        }

        /// Feeds the counter and the jobs' CPU time for some seconds.
        private func pass(
            _ seconds: Int, _ bed: Bed, _ jobs: [NodeTree.Job], fed: inout Int, used: inout [Int: Int]
        ) async throws {
            for _ in 0..<(seconds * 5) {
                fed += Int.random(in: 1_000_000...20_000_000)
                try bed.tree.feed(fed)
                for job in jobs {
                    used[job.id, default: 0] += Int.random(in: 10_000...900_000)
                    try bed.tree.use(job, cpuMicroseconds: used[job.id] ?? 0)
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }

        @Test func aSharedNodeHasOneSumAndTwoSecrets() async throws {
            let bed = try await Bed("shared-1", home: "Landlord", tenant: "Lodger")
            try await agree(bed)
            let agent = try await bed.agent()
            let own = NodeTree.Job(
                id: 11, account: "landlord", user: "olga", name: "ownersecret", processors: 8)
            let guest = NodeTree.Job(id: 12, account: "lodge", user: "gustav", name: "guestsecret", processors: 16)
            let whole = NodeTree.Job(
                id: 13, account: "Lodge", user: "gustav", name: "wholesecret", processors: 64, isExclusive: true)
            var fed = 0
            var used: [Int: Int] = [:]
            try await Task.sleep(for: .seconds(2))
            try bed.tree.begin(own, node: bed.node)
            try bed.tree.begin(guest, node: bed.node)
            try await pass(7, bed, [own, guest], fed: &fed, used: &used)
            try bed.tree.end(own)
            try bed.tree.end(guest)
            try await pass(2, bed, [], fed: &fed, used: &used)
            try bed.tree.begin(whole, node: bed.node)
            try await pass(8, bed, [whole], fed: &fed, used: &used)
            try bed.tree.end(whole)
            try await pass(2, bed, [], fed: &fed, used: &used)
            // The last reading sees the last figure.
            try await Task.sleep(for: .milliseconds(2500))
            agent.send(SIGTERM)
            let output = try await agent.output(seconds: 60)
            #expect(output.status == 0, "\(output.errors)")
            try await compare(bed, fed: Int64(fed), said: output.errors)
        }

        /// Without three words no extract is written: the home organization's, the tenant's token, the node's key.
        private func agree(_ bed: Bed) async throws {
            let atHome = try await bed.enrol(bed.home, [])
            #expect(atHome.status == 0, "\(atHome.errors)")
            let early = try await bed.enrol(bed.tenant, ["--tenant", bed.tenant.slug])
            #expect(early.status == 1 && early.errors.contains("wattest node share"), "\(early.errors)")
            _ = try await bed.home.answer(["node", "share", bed.node, "--with", bed.tenant.slug])
            let agreed = try await bed.enrol(bed.tenant, ["--tenant", bed.tenant.slug])
            #expect(agreed.status == 0, "\(agreed.errors)")
        }

        private func compare(_ bed: Bed, fed: Int64, said: String) async throws {
            let (from, to) = Self.period
            let home = try await bed.home.disclosure(from: from, to: to)
            let tenant = try await bed.tenant.disclosure(from: from, to: to)
            let inside = try #require(home["energy"]?["it_uj"]?.decimalString)
            let others = try #require(home["energy"]?["tenant_uj"]?.decimalString)
            let lodged = try #require(tenant["energy"]?["it_uj"]?.decimalString)
            let guest = try await bed.tenant.job("12").energyMicrojoules
            let whole = try await bed.tenant.job("13").energyMicrojoules
            let own = try await bed.home.job("11").energyMicrojoules
            #expect(own > 0 && guest > 0 && whole > 0 && others > 0, "\(own) \(guest) \(whole) \(others): \(said)")
            #expect(lodged == guest + whole, "a tenant's log holds its jobs and nothing else")
            // One microjoule a component and batch: the two logs round each for itself.
            #expect((inside + lodged - fed).magnitude <= 40, "\(inside) + \(lodged) of \(fed) µJ: \(said)")
            #expect(others < lodged, "the whole node's readings stand in the tenant's log alone")
            #expect(tenant["coverage"]?["nodes_expected"]?.int64 ?? 1 <= 1)
            for job in ["12", "13"] {
                let shown = try await bed.tenant.answer(["job", "show", job])
                #expect(shown["nodes_expected"]?.int64 == 1 && shown["nodes_reporting"]?.int64 == 1, "\(job)")
                // A hold that began in a joined interval is scaled to its time, rounded down.
                let missing = try JobAnswer(shown).nodes[bed.node]?.missingMilliseconds
                #expect(missing.map { $0 <= 2 } == true, "\(job): \(shown.text())")
            }
            try await hide(bed, from: from, to: to)
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

        /// Nothing that names one organization's work is in any answer to the other, nor in what its auditor gets.
        private func hide(_ bed: Bed, from: String, to: String) async throws {
            let homeWords = ["ownersecret", "olga", "slurm/11@"] + (try await pseudonyms(bed.home))
            let tenantWords =
                ["guestsecret", "wholesecret", "gustav", "slurm/12@", "slurm/13@"] + (try await pseudonyms(bed.tenant))
            #expect(homeWords.count == 4 && tenantWords.count == 7, "\(homeWords) \(tenantWords)")
            for (organization, words) in [(bed.home, tenantWords), (bed.tenant, homeWords)] {
                var answers: [String] = []
                for path in ["", "/jobs", "/nodes", "/disclosure?from=\(from)&to=\(to)&audience=assurer&format=json"] {
                    let reply = try await organization.aggregator.reply(
                        "/v1/organizations/\(organization.slug)\(path)", token: organization.token)
                    #expect(reply.status == 200, "\(path)")
                    answers.append(String(decoding: reply.body, as: UTF8.self))
                }
                let bundle = try await organization.evidence(from: from, to: to)
                for file in FileManager.default.enumerator(atPath: bundle)?.compactMap({ $0 as? String }) ?? [] {
                    let bytes = FileManager.default.contents(atPath: "\(bundle)/\(file)") ?? Data()
                    answers.append(String(decoding: bytes, as: UTF8.self))
                }
                #expect(answers.count > 8)
                for word in words {
                    #expect(!answers.contains { $0.contains(word) }, "\(organization.slug) is told of \(word)")
                }
                let audit = try await organization.audit(bundle)
                #expect(audit.status == 0, "\(audit.text) \(audit.errors)")
            }
        }

        private func pseudonyms(_ organization: OrganizationUnderTest) async throws -> [String] {
            let list = try await organization.aggregator.get(
                "/v1/organizations/\(organization.slug)/jobs", token: organization.token)
            return (list["items"]?.array ?? []).compactMap { $0["pseudonym"]?.string }
        }
    }
}
