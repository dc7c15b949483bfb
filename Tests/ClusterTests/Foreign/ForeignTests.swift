import Foundation
import JSONText
import PinnedHTTPS
import Testing
import TransparencyLog

extension ClusterTests {
    /// A log that Wattest wrote, checked by programs that know nothing of Wattest.
    @Suite(.timeLimit(.minutes(5))) struct Foreign {
        /// Everything of one log that a stranger can get.
        private struct Published {
            var organization: OrganizationUnderTest
            var directory: String
            var bundle: String
            var checkpoints: [String]
            var policy: String { organization.policy }
        }

        private static let period = (from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")

        private func published(_ name: String) async throws -> Published {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization(name)
            var checkpoints: [String] = []
            func keepCheckpoint() async throws {
                _ = try await organization.size()
                let reply = try await aggregator.reply("/log/\(organization.slug)/checkpoint", token: nil)
                let path = "\(organization.directory)/checkpoint-\(checkpoints.count)"
                try Data(reply.body).write(to: URL(filePath: path))
                checkpoints.append(path)
            }
            for number in 1...3 {
                let run = RecordedRun.acrossAnHour
                try await organization.run(
                    OrganizationUnderTest.Import(
                        job: "j\(number)", files: [run.file("node_\(number)")], expectedNodes: 1))
                try await keepCheckpoint()
            }
            // Wider than one tile, so that the second level is read too.
            for number in 0..<260 {
                _ = try await aggregator.post(
                    "/v1/organizations/\(organization.slug)/settings",
                    ["field": "site.pue", "subject": "hall-1", "value": .string("1.\(number)"), "reason": "test"],
                    token: organization.token)
            }
            let bundle = try await organization.evidence(from: Self.period.from, to: Self.period.to)
            try await fetchTiles(organization, bundle)
            return Published(
                organization: organization, directory: organization.directory, bundle: bundle, checkpoints: checkpoints)
        }

        /// The hash tiles of the bundle's tree, as the log serves them to anybody.
        private func fetchTiles(_ organization: OrganizationUnderTest, _ bundle: String) async throws {
            let bytes = try #require(FileManager.default.contents(atPath: "\(bundle)/checkpoint"))
            let size = try SignedCheckpoint(parsing: Array(bytes)).checkpoint.size
            for level in 0..<Tile.levelCount(size: size) {
                for index in 0... {
                    guard let tile = Tile(level: level, index: UInt64(index), inTreeOf: size) else { break }
                    let reply = try await organization.aggregator.reply(
                        "/log/\(organization.slug)/\(tile.path)", token: nil)
                    try #require(reply.status == 200, "\(tile.path)")
                    let url = URL(filePath: "\(organization.directory)/served/\(tile.path)")
                    try FileManager.default.createDirectory(
                        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try Data(reply.body).write(to: url)
                }
            }
        }

        private func proofs(_ organization: OrganizationUnderTest, _ kind: String) async throws -> String {
            let path = "\(organization.directory)/\(kind)s"
            _ = try await organization.answer(["evidence", kind, "--job", "j2", "-o", path])
            return path
        }

        private static let go = """
            export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$PWD/go-cache" GOFLAGS=
            go build -o logcheck "$SOURCE/deploy/foreign/logcheck.go"
            """

        @Test(.enabled(if: ForeignProgram.isInstalled("go"), "Go is not installed: apt-get install golang-go"))
        func theChecksumDatabaseOfGoVerifiesTheLog() async throws {
            let log = try await published("Foreign Go")
            let proofs = try await proofs(log.organization, "proof")
            let arguments = log.checkpoints.map { "-checkpoint \($0)" }.joined(separator: " ")
            let command = """
                \(Self.go)
                ./logcheck -policy \(log.policy) -bundle "$BUNDLE" -tiles served \(arguments) \
                $(for file in \(proofs)/*.tlog-proof; do echo "-proof $file"; done)
                """
            func check(_ bundle: String) async throws -> ForeignProgram.Result {
                try await ForeignProgram.shell(
                    command, in: log.directory, environment: ["SOURCE": ForeignProgram.package, "BUNDLE": bundle])
            }
            let result = try await check(log.bundle)
            #expect(result.status == 0, "\(result.text)")
            let size = try await log.organization.size()
            #expect(size > 256)
            #expect(result.text.contains("notes \(size)\n"), "\(result.text)")
            #expect(result.text.contains("inclusion \(size)\n"), "\(result.text)")
            #expect(result.text.contains("consistency 10\n"), "\(result.text)")
            #expect(!result.text.contains("proofs 0\n"), "\(result.text)")
            // The policy of before leads on to the log's next key, and checkpoints of both keys lie on one tree.
            let before = try String(contentsOfFile: log.policy, encoding: .utf8)
            let aggregator = log.organization.aggregator
            let reply = try await aggregator.reply(
                "/v1/organizations/\(log.organization.slug)/log-key", body: ["reason": "a new machine"],
                token: aggregator.operatorToken)
            try #require(reply.status == 201)
            let later = try await log.organization.evidence(from: Self.period.from, to: Self.period.to, as: "later")
            try await fetchTiles(log.organization, later)
            #expect(try String(contentsOfFile: log.policy, encoding: .utf8) == before)
            let changed = try await check(later)
            #expect(changed.status == 0 && changed.text.contains("notes \(size + 1)\n"), "\(changed.text)")
            // It would have noticed.
            let spoilt = "\(log.directory)/spoilt"
            try FileManager.default.copyItem(atPath: log.bundle, toPath: spoilt)
            let path = "\(spoilt)/tile/entries/000"
            var bytes = try #require(FileManager.default.contents(atPath: path))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(filePath: path))
            #expect(try await check(spoilt).status != 0)
        }

        @Test(.enabled(if: ForeignProgram.isInstalled("openssl"), "OpenSSL is not installed: apt-get install openssl"))
        func openSSLVerifiesByTheCommandsOfTheManual() async throws {
            let log = try await published("Foreign OpenSSL")
            let organization = log.organization
            try await expectVerified(
                try ForeignProgram.manual("A checkpoint with OpenSSL"), in: log.bundle, "checkpoint")
            let proofs = try await proofs(organization, "proof")
            let note = "\(log.directory)/note"
            let size = try await organization.size()
            let audit = try await ChildProcess(
                .audit, ["show", log.bundle, "\(size - 1)"], directory: log.directory
            ).output()
            try audit.text.write(toFile: "\(log.bundle)/note", atomically: true, encoding: .utf8)
            try await expectVerified(try ForeignProgram.manual("A note with OpenSSL"), in: log.bundle, "note")
            let statement = "\(log.bundle)/statement.json"
            let issued = try await organization.wattest([
                "report", "--issue", "--from", Self.period.from, "--to", Self.period.to, "--format", "dsse", "-o",
                statement,
            ]).output()
            try #require(issued.status == 0, "\(issued.errors)")
            try await expectVerified(
                try ForeignProgram.manual("A report with OpenSSL"), in: log.bundle, "statement.json")
            _ = (proofs, note)
        }

        /// The commands pass, and fail once a byte of what they verify is another.
        private func expectVerified(_ commands: String, in directory: String, _ file: String) async throws {
            let result = try await ForeignProgram.shell(commands, in: directory)
            #expect(result.status == 0, "\(file): \(result.text)")
            #expect(result.text.contains("Signature Verified Successfully"), "\(file): \(result.text)")
            let path = "\(directory)/\(file)"
            let honest = try #require(FileManager.default.contents(atPath: path))
            var bytes = honest
            let spot = file.hasSuffix(".json") ? bytes.count / 3 : 3
            bytes[spot] = bytes[spot] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            try bytes.write(to: URL(filePath: path))
            #expect(try await ForeignProgram.shell(commands, in: directory).status != 0, "\(file), changed")
            try honest.write(to: URL(filePath: path))
        }

        @Test func receiptsAreVerifiedByOthers() async throws {
            let log = try await published("Foreign COSE")
            let receipts = try await proofs(log.organization, "receipt")
            let python = ProcessInfo.processInfo.environment["WATTEST_PYTHON"] ?? "python3"
            let command = """
                "\(python)" "$SOURCE/deploy/foreign/receipt.py" \(log.policy) \
                $(for file in \(receipts)/*.cose; do echo "$file ${file%.cose}.note"; done)
                """
            let source = ["SOURCE": ForeignProgram.package]
            let result = try await ForeignProgram.shell(command, in: log.directory, environment: source)
            if result.status == 77 {
                // Neither scitt-cose nor cbor2 and cryptography are here; our own verifier still has its say below.
                print("receipts by others: \(result.text)")
            } else {
                #expect(result.status == 0, "\(result.text)")
                #expect(result.text.hasPrefix("with ") && result.text.contains(": verified"), "\(result.text)")
            }
            let first = try #require(
                try FileManager.default.contentsOfDirectory(atPath: receipts).filter { $0.hasSuffix(".note") }.first)
            var entry = try #require(FileManager.default.contents(atPath: "\(receipts)/\(first)"))
            entry[entry.count / 2] ^= 1
            let own = try await proof(receipts, log.policy)
            #expect(own.status == 0, "\(own.errors)")
            try entry.write(to: URL(filePath: "\(receipts)/\(first)"))
            #expect(try await proof(receipts, log.policy).status == 1)
            if result.status == 0 {
                let spoilt = try await ForeignProgram.shell(command, in: log.directory, environment: source)
                #expect(spoilt.status != 0, "\(spoilt.text)")
            }
        }

        private func proof(_ path: String, _ policy: String) async throws -> ChildProcess.Output {
            try await ChildProcess(
                .audit, ["proof", path, "--policy", policy, "--json"],
                directory: AggregatorUnderTest.current.directory.path
            ).output()
        }

        /// A customer gets the entries of one job and nothing else, and checks them alone.
        @Test func aCustomerChecksOneJob() async throws {
            let log = try await published("Customer")
            let organization = log.organization
            let all = try await proofs(organization, "proof")
            let verdict = try await proof(all, log.policy)
            try #require(verdict.status == 0, "\(verdict.errors)")
            let json = try JSONValue(parsing: Array(verdict.text.utf8))
            let counts = try #require(json["counts"])
            #expect(counts["entries"]?.int64 == counts["signed"]?.int64)
            let job = try await organization.job("j2")
            let proved = json["proved"]?.array?.compactMap(\.string) ?? []
            #expect(
                proved.contains { $0.hasPrefix("at least \(job.energyMicrojoules) µJ are posted to job ") }, "\(proved)"
            )
            let single = "\(log.directory)/one.tlog-proof"
            _ = try await organization.answer(["evidence", "proof", "--index", "2", "-o", single])
            #expect(try await proof(single, log.policy).status == 0)
            var bytes = try #require(FileManager.default.contents(atPath: single))
            let line = try #require(bytes.range(of: Data("index 2".utf8)))
            bytes.replaceSubrange(line, with: Data("index 3".utf8))
            try bytes.write(to: URL(filePath: single))
            let moved = try await proof(single, log.policy)
            #expect(moved.status == 1 && moved.errors.contains("error[RANGE]"), "\(moved.errors)")
            // A receipt is found with its entry, whatever it is called.
            for name in ["one.cose", "two"] {
                let receipt = "\(log.directory)/\(name)"
                _ = try await organization.answer(["evidence", "receipt", "--index", "2", "-o", receipt])
                let verdict = try await proof(receipt, log.policy)
                #expect(verdict.status == 0, "\(verdict.errors)")
            }
        }

        /// What an export has when it is cut off is used by the next one, and gives the same bytes.
        @Test func anInterruptedExportGoesOn() async throws {
            let log = try await published("Cut off")
            let manager = FileManager.default
            let target = "\(log.directory)/again"
            let partial = "\(target).partial"
            try manager.copyItem(atPath: log.bundle, toPath: partial)
            for path in ["MANIFEST", "disclosure.json", "policy.txt"] {
                try manager.removeItem(atPath: "\(partial)/\(path)")
            }
            // The newest file was cut, and an old note of another attempt lies about.
            let newest = try #require(
                manager.subpathsOfDirectory(atPath: partial).sorted().last { $0.hasPrefix("tile/entries/001.p/") })
            try Data([0, 9, 1]).write(to: URL(filePath: "\(partial)/\(newest)"))
            func time(_ text: String) -> String { text.replacingOccurrences(of: ":", with: "%3A") }
            let asked =
                "/v1/organizations/\(log.organization.slug)/evidence?from=\(time(Self.period.from))"
                + "&to=\(time(Self.period.to))&samples=1"
            try asked.write(toFile: "\(partial).query", atomically: true, encoding: .utf8)
            let first = "tile/entries/000"
            let number = try manager.attributesOfItem(atPath: "\(partial)/\(first)")[.systemFileNumber] as? Int
            // The log has grown since; the export goes on with the tree that it began with.
            _ = try await log.organization.aggregator.post(
                "/v1/organizations/\(log.organization.slug)/settings",
                ["field": "site.pue", "subject": "hall-1", "value": "2.0", "reason": "test"],
                token: log.organization.token)
            let again = try await log.organization.evidence(from: Self.period.from, to: Self.period.to, as: "again")
            #expect(again == target)
            #expect(try manager.attributesOfItem(atPath: "\(target)/\(first)")[.systemFileNumber] as? Int == number)
            let paths = try manager.subpathsOfDirectory(atPath: log.bundle).sorted()
            #expect(try manager.subpathsOfDirectory(atPath: target).sorted() == paths)
            for path in paths {
                #expect(manager.contentsEqual(atPath: "\(log.bundle)/\(path)", andPath: "\(target)/\(path)"))
            }
            #expect(!manager.fileExists(atPath: "\(partial).query"))
            #expect(try await log.organization.audit(target).status == 0)
        }

        /// The report that leaves the house is the one that the log announces.
        @Test func aStatementIsHeldToTheLog() async throws {
            let log = try await published("Statement")
            let organization = log.organization
            let statement = "\(log.directory)/statement.json"
            let issued = try await organization.wattest([
                "report", "--issue", "--from", Self.period.from, "--to", Self.period.to, "--format", "dsse", "-o",
                statement,
            ]).output()
            try #require(issued.status == 0, "\(issued.errors)")
            let bundle = try await organization.evidence(from: Self.period.from, to: Self.period.to, as: "later")
            func audit() async throws -> ChildProcess.Output {
                try await ChildProcess(
                    .audit, ["verify", bundle, "--policy", log.policy, "--report", statement, "--json"],
                    directory: log.directory
                ).output()
            }
            let honest = try await audit()
            #expect(honest.status == 0, "\(honest.errors)")
            #expect(honest.text.contains("is report 1 of entry"), "\(honest.text)")
            // The earlier bundle ends before the report was logged.
            let early = try await ChildProcess(
                .audit, ["verify", log.bundle, "--policy", log.policy, "--report", statement], directory: log.directory
            ).output()
            #expect(early.status == 1 && early.errors.contains("never logged"), "\(early.errors)")
            let text = try String(contentsOfFile: statement, encoding: .utf8)
            let envelope = try JSONValue(parsing: Array(text.utf8))
            let payload = try #require(envelope["payload"]?.string.flatMap { Base64.decode($0) })
            let changed = String(decoding: payload, as: UTF8.self).replacingOccurrences(
                of: "\"number\":1", with: "\"number\":2")
            try text.replacingOccurrences(
                of: envelope["payload"]?.string ?? "", with: Base64.encode(Array(changed.utf8))
            ).write(toFile: statement, atomically: true, encoding: .utf8)
            let refused = try await audit()
            #expect(refused.status == 1 && refused.errors.contains("error[REPORT]"), "\(refused.errors)")
        }
    }
}
