import Foundation
import JSONText
import SeededRandom
import Testing

extension ClusterTests {
    /// One flipped bit anywhere in the evidence is found, and named.
    @Suite(.timeLimit(.minutes(4))) struct Bundles {
        private struct Flip: Sendable, CustomStringConvertible {
            var path: String
            var offset: Int
            var bit: UInt8
            var description: String { "bit \(bit) of byte \(offset) of \(path)" }
        }

        /// Files up to this size have a bit of every byte flipped, larger ones of some.
        private static let smallBytes = 1024
        private static let flipsInLarger = 48

        private func flips(_ bundle: String, _ random: inout SeededRandom) throws -> [Flip] {
            let manager = FileManager.default
            var flips: [Flip] = []
            for path in try manager.subpathsOfDirectory(atPath: bundle).sorted() {
                guard let attributes = try? manager.attributesOfItem(atPath: "\(bundle)/\(path)"),
                    attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? Int
                else { continue }
                let offsets =
                    size <= Self.smallBytes
                    ? Array(0..<size) : (0..<Self.flipsInLarger).map { _ in Int.random(in: 0..<size, using: &random) }
                flips += offsets.map { Flip(path: path, offset: $0, bit: UInt8.random(in: 0..<8, using: &random)) }
            }
            return flips
        }

        private func expectRefused(
            _ flip: Flip, _ bundle: String, _ organization: OrganizationUnderTest
        ) async throws {
            let file = try FileHandle(forUpdating: URL(filePath: "\(bundle)/\(flip.path)"))
            defer { try? file.close() }
            try file.seek(toOffset: UInt64(flip.offset))
            let byte = try #require(try file.read(upToCount: 1)?.first)
            func write(_ byte: UInt8) throws {
                try file.seek(toOffset: UInt64(flip.offset))
                try file.write(contentsOf: [byte])
            }
            try write(byte ^ 1 << flip.bit)
            let audit = try await organization.audit(bundle)
            try write(byte)
            #expect(audit.status == 1, "\(flip): \(audit.text)")
            let verdict = try? JSONValue(parsing: Array(audit.text.utf8))
            #expect(verdict?["verdict"]?.string == "refused", "\(flip): \(audit.text)")
            // A manifest that is not the signed one names itself or what it misstates; entries also have a number.
            let place = verdict?["failure"]?["place"]?.string ?? ""
            let isNamed =
                switch flip.path {
                case "MANIFEST": !place.isEmpty
                case _ where flip.path.hasPrefix("tile/entries/"): place == flip.path || place.hasPrefix("entry ")
                default: place == flip.path
                }
            #expect(isNamed, "\(flip): \(audit.text)")
            let failureClass = try #require(verdict?["failure_class"]?.string, "\(flip): \(audit.text)")
            #expect(
                audit.errors.hasPrefix("wattest: error[\(failureClass.uppercased())]: "), "\(flip): \(audit.errors)")
        }

        @Test func anyFlippedBitIsNamedAndAnUntouchedBundlePasses() async throws {
            var random = SeededRandom(seed: Seed.fresh)
            let run = RecordedRun.acrossAnHour
            let organization = try await AggregatorUnderTest.current.organization("Evidence")
            try await organization.run(
                OrganizationUnderTest.Import(job: "e", files: [run.file("node_1")], expectedNodes: 1))
            let bundle = try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            let audit = try await organization.audit(bundle)
            let verdict = try JSONValue(parsing: Array(audit.text.utf8))
            try #require(audit.status == 0, "\(audit.text)")
            #expect(verdict["verdict"]?.string == "verified")
            for list in ["proved", "claimed", "not_covered"] {
                #expect(verdict[list]?.array?.isEmpty == false, "\(list)")
            }
            let flips = try flips(bundle, &random)
            try await onTwoCopies(of: bundle, flips) { try await expectRefused($0, $1, organization) }
            #expect(try await organization.audit(bundle).status == 0, "seed \(Seed.fresh)")
        }

        /// Each worker has a bundle of its own to spoil.
        private func onTwoCopies(
            of bundle: String, _ flips: [Flip], _ work: @escaping @Sendable (Flip, String) async throws -> Void
        ) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<2 {
                    let copy = "\(bundle)-\(worker)"
                    try FileManager.default.copyItem(atPath: bundle, toPath: copy)
                    group.addTask {
                        for index in stride(from: worker, to: flips.count, by: 2) { try await work(flips[index], copy) }
                    }
                }
                try await group.waitForAll()
            }
        }

        @Test func aFileMoreOrLessIsNamed() async throws {
            let run = RecordedRun.acrossAnHour
            let organization = try await AggregatorUnderTest.current.organization("Files")
            try await organization.run(
                OrganizationUnderTest.Import(job: "f", files: [run.file("node_3")], expectedNodes: 1))
            let bundle = try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            let manager = FileManager.default
            #expect(manager.createFile(atPath: "\(bundle)/more", contents: Data("x".utf8)))
            let more = try await organization.audit(bundle)
            #expect(more.status == 1 && more.errors.contains("more"), "\(more.errors)")
            try manager.removeItem(atPath: "\(bundle)/more")
            for path in try manager.subpathsOfDirectory(atPath: bundle).sorted() {
                var isDirectory: ObjCBool = false
                guard manager.fileExists(atPath: "\(bundle)/\(path)", isDirectory: &isDirectory), !isDirectory.boolValue
                else { continue }
                try manager.moveItem(atPath: "\(bundle)/\(path)", toPath: "\(bundle)-aside")
                let less = try await organization.audit(bundle)
                #expect(less.status == 1 && less.errors.contains(path), "\(path): \(less.errors)")
                try manager.moveItem(atPath: "\(bundle)-aside", toPath: "\(bundle)/\(path)")
            }
            #expect(try await organization.audit(bundle).status == 0)
        }
    }
}
