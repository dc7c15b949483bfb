import Batches
import Disclosure
import Energy
import Foundation
import Identity
import Testing
import TransparencyLog

/// Who runs the aggregator and wants to cheat: the database as its administrator, every key of the log, and programs of
/// one's own that sign whatever they are told.
struct DishonestOperator {
    let organization: OrganizationUnderTest
    let log: SigningKey
    let administration: SigningKey
    let selfWitness: CosigningKey
    /// The log's number in the database.
    let number: String
    private let socket: String

    init(_ organization: OrganizationUnderTest) async throws {
        self.organization = organization
        let directory = "\(organization.aggregator.installation)/logs/\(organization.slug)"
        func secret(_ name: String) throws -> String {
            String(decoding: try PrivateFile.readSecret("\(directory)/\(name)"), as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        log = try SigningKey(parsing: secret("log.key"))
        administration = try SigningKey(parsing: secret("administration.key"))
        selfWitness = try CosigningKey(parsing: secret("self.key"))
        let postmaster = try String(
            contentsOfFile: "\(organization.aggregator.installation)/postgres/postmaster.pid", encoding: .utf8
        ).split(separator: "\n", omittingEmptySubsequences: false)
        socket = "-h \(postmaster[4]) -p \(postmaster[3])"
        number = try await Self.sql(
            "SELECT log FROM wattest.organizations WHERE slug = '\(organization.slug)'", socket, organization.directory)
    }

    private static func sql(_ text: String, _ socket: String, _ directory: String) async throws -> String {
        let file = "\(directory)/\(UUID().uuidString).sql"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let result = try await ForeignProgram.shell(
            "psql \(socket) -U wattest_admin -d wattest -XqAt -v ON_ERROR_STOP=1 -f '\(file)'", in: directory,
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin:\(postgresql)"])
        try #require(result.status == 0, "\(text): \(result.text)")
        return result.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static var postgresql: String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.sorted().last.map { "\(root)/\($0)/bin" } ?? root
    }

    /// Past every trigger and policy: the administrator of a database may do anything with it.
    @discardableResult
    func alter(_ statements: String) async throws -> String {
        try await Self.sql(
            """
            DO $$ DECLARE part record; BEGIN
                FOR part IN SELECT relid FROM pg_partition_tree('wattest.notes')
                    UNION SELECT relid FROM pg_partition_tree('wattest.sample_blocks')
                    UNION SELECT 'wattest.entries'::regclass LOOP
                    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', part.relid::regclass);
                END LOOP;
            END $$;
            BEGIN;
            \(statements);
            UPDATE wattest.entries e SET leaf = sha256('\\x00'::bytea || n.note) FROM wattest.notes n
                WHERE e.log = \(number) AND n.log = e.log AND n.index = e.index
                AND e.leaf <> sha256('\\x00'::bytea || n.note);
            COMMIT;
            """, socket, organization.directory)
    }

    /// What the database says now.
    func entries() async throws -> [[UInt8]] {
        let rows = try await Self.sql(
            "SELECT encode(note, 'hex') FROM wattest.notes WHERE log = \(number) ORDER BY index", socket,
            organization.directory)
        return try rows.split(separator: "\n").map { try #require(Hexadecimal.decode($0.utf8)) }
    }

    func samples() async throws -> [UInt64: [UInt8]] {
        let rows = try await Self.sql(
            "SELECT index || ' ' || encode(block, 'hex') FROM wattest.sample_blocks WHERE log = \(number)", socket,
            organization.directory)
        var samples: [UInt64: [UInt8]] = [:]
        for row in rows.split(separator: "\n") {
            let fields = row.split(separator: " ")
            let block: [UInt8] = try #require(Hexadecimal.decode(fields[1].utf8))
            samples[try #require(UInt64(fields[0]))] = block
        }
        return samples
    }

    /// A bundle over what the database says now, with everything signed anew: tree, checkpoint, manifest, and the
    /// disclosure of an accomplice where the entries allow to make one.
    func bundle(_ name: String, like honest: String, period: UTCInterval) async throws -> String {
        let entries = try await entries()
        let samples = try await samples()
        let target = "\(organization.directory)/\(name)"
        try? FileManager.default.removeItem(atPath: target)
        func save(_ file: BundleFile) throws {
            let url = URL(filePath: "\(target)/\(file.path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(file.bytes).write(to: url)
        }
        func read(_ path: String) throws -> [UInt8] {
            Array(try #require(FileManager.default.contents(atPath: "\(honest)/\(path)")))
        }
        var writer = BundleWriter(
            origin: organization.origin, period: period, audience: .assurer, size: UInt64(entries.count))
        var frontier = MerkleFrontier()
        for (index, entry) in entries.enumerated() {
            frontier.append(.leaf(of: entry))
            for file in try writer.append(entry: entry, samples: samples[UInt64(index)]) { try save(file) }
        }
        let checkpoint = try Checkpoint(
            origin: organization.origin, head: TreeHead(size: frontier.size, root: frontier.root))
        let signed = try SignedCheckpoint(checkpoint, signedBy: log)
            .adding([selfWitness.cosignature(of: checkpoint, time: 1_790_000_000)])
        try save(writer.add(.checkpoint, signed.bytes))
        let policy = try read("policy.txt")
        try save(writer.add(.policy, policy))
        for path in try FileManager.default.subpathsOfDirectory(atPath: honest).sorted()
        where path.hasPrefix("records/") && path.hasSuffix(".txt") {
            guard let known = BundlePath(path), try entriesCommit(entries, to: read(path)) else { continue }
            try save(writer.add(known, read(path)))
        }
        try save(
            writer.add(.disclosure, disclosure(entries, checkpoint, policy, period, honest) ?? read("disclosure.json")))
        try save(writer.manifest(signedBy: administration))
        return target
    }

    private func entriesCommit(_ entries: [[UInt8]], to record: [UInt8]) throws -> Bool {
        let digest = Base64.encode(MerkleHash.sha256(of: record).bytes)
        return entries.contains { String(decoding: $0, as: UTF8.self).contains(digest) }
    }

    private func disclosure(
        _ entries: [[UInt8]], _ checkpoint: Checkpoint, _ policy: [UInt8], _ period: UTCInterval, _ honest: String
    ) throws -> [UInt8]? {
        var survey = LogSurvey()
        for entry in entries { try survey.append(entry[...]) }
        var replay = LogReplay(origin: organization.origin, survey: survey, period: period)
        for (index, entry) in entries.enumerated() {
            guard
                let checked = try? CheckedEntry(
                    index: UInt64(index), bytes: entry, samples: nil, keys: replay.signers),
                (try? replay.append(checked)) != nil
            else { return nil }
        }
        guard let genesis = replay.signers?.genesis else { return nil }
        var accounts = replay.accounts
        for path in try FileManager.default.subpathsOfDirectory(atPath: honest) where path.hasPrefix("records/") {
            let parts = path.split(separator: "/")
            guard parts.count == 3, let bytes = FileManager.default.contents(atPath: "\(honest)/\(path)") else {
                continue
            }
            accounts.add(record: Array(bytes), of: String(parts[1]))
        }
        return Disclosure(
            DisclosureInput(
                genesis: genesis, accounts: accounts, checkpoint: checkpoint, policy: policy, period: period,
                audience: .assurer)
        ).bytes
    }
}
