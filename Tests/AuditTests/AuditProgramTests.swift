import Batches
import ClusterSimulation
import Disclosure
import Energy
import JSONText
import Testing

@Suite struct AuditProgramTests {
    private let period = UTCInterval(start: UTCTime(hour: 490_896), end: UTCTime(hour: 490_897))

    private func example() throws -> (SyntheticLog, [String: [UInt8]]) {
        var log = try SyntheticLog(seed: 31)
        try log.enrol("n1")
        let record = log.record("1")
        try log.job(record, .start, start: log.now, expected: 1, nodes: ["n1"])
        for _ in 0..<3 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        let files = try log.bundle(period)
        return (log, files)
    }

    private func verify(
        _ files: [String: [UInt8]], policy: [UInt8], flags: [String] = []
    ) throws -> AuditProcess.Output {
        try AuditProcess.withDirectory { directory in
            try AuditProcess.write(files, to: "\(directory)/bundle")
            try AuditProcess.write(policy, to: "\(directory)/policy.txt")
            return try AuditProcess.run(
                ["verify", "\(directory)/bundle", "--policy", "\(directory)/policy.txt"] + flags, in: directory)
        }
    }

    @Test func honestEvidenceExitsWithZeroAndSaysWhatItIsWorth() throws {
        let (log, files) = try example()
        let output = try verify(files, policy: log.policy)
        #expect(output.status == 0, "\(output.errors)")
        #expect(output.text.contains("Verdict: verified"))
        #expect(output.text.contains("operator alone"))
        #expect(output.errors.isEmpty)
    }

    @Test func jsonNamesTheClassOfFailure() throws {
        var (log, files) = try example()
        files["disclosure.json"]?[40] ^= 1
        let output = try verify(files, policy: log.policy, flags: ["--json"])
        #expect(output.status == 1)
        let value = try JSONValue(parsing: output.text)
        #expect(value["verdict"]?.string == "refused")
        #expect(value["failure_class"]?.string == "file")
        #expect(value["failure"]?["place"]?.string == "disclosure.json")
        #expect(output.errors.hasPrefix("wattest: error[FILE]: disclosure.json: "))
        #expect(
            value.object?.names == [
                "verdict", "failure_class", "failure", "partial", "proved", "claimed", "not_covered", "counts",
            ])
    }

    @Test(arguments: ["0", "9223372036854775807", "x"]) func coresAreANumber(_ workers: String) throws {
        let (log, files) = try example()
        let output = try verify(files, policy: log.policy, flags: ["--workers", workers])
        #expect(output.status == 2 && output.text.isEmpty, "\(output.text)")
        #expect(output.errors.hasPrefix("wattest: error[USAGE]: ") && output.errors.contains("workers"))
    }

    @Test func aLinkInABundleIsRefused() throws {
        let (log, files) = try example()
        try AuditProcess.withDirectory { directory in
            try AuditProcess.write(files, to: "\(directory)/bundle")
            try AuditProcess.write(log.policy, to: "\(directory)/policy.txt")
            try AuditProcess.link("/etc/hostname", at: "\(directory)/bundle/extra")
            let output = try AuditProcess.run(
                ["verify", "\(directory)/bundle", "--policy", "\(directory)/policy.txt"], in: directory)
            #expect(output.status == 1)
            #expect(output.errors.contains("extra: a bundle has plain files only"))
        }
    }

    @Test func missingFilesAndUsageErrorsHaveTheirStatus() throws {
        try AuditProcess.withDirectory { directory in
            let gone = try AuditProcess.run(
                ["verify", "\(directory)/none", "--policy", "\(directory)/none"], in: directory)
            #expect(gone.status == 1)
            let usage = try AuditProcess.run(["verify", "\(directory)/none"], in: directory)
            #expect(usage.status == 2)
        }
    }

    @Test func entriesAreShownAsTheyWereSigned() throws {
        let (log, files) = try example()
        try AuditProcess.withDirectory { directory in
            try AuditProcess.write(files, to: "\(directory)/bundle")
            let shown = try AuditProcess.run(["show", "\(directory)/bundle", "3"], in: directory)
            #expect(shown.status == 0)
            #expect(Array(shown.text.utf8) == log.entries[3])
            let path = "\(directory)/bundle/tile/entries/000.p/\(log.size)"
            #expect(try AuditProcess.run(["show", path, "0"], in: directory).text.hasPrefix("wattest/genesis/v1\n"))
            #expect(try AuditProcess.run(["show", "\(directory)/bundle", "99"], in: directory).status == 1)
        }
    }
}
