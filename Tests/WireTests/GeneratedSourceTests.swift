import Crypto
import Foundation
import Testing

/// The generated sources record the SHA-256 of the .proto that they were made from.
@Suite struct GeneratedSourceTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test(arguments: ["ingest.pb.swift", "ingest.grpc.swift", "podresources.pb.swift", "podresources.grpc.swift"])
    func generatedSourceIsFresh(_ name: String) throws {
        let isIngest = name.hasPrefix("ingest.")
        let proto = "proto/" + (isIngest ? "wattest/v1/ingest.proto" : "podresources/v1/podresources.proto")
        let digest = SHA256.hash(data: try Data(contentsOf: Self.root.appending(path: proto)))
        let sum = digest.map { String(format: "%02x", $0) }.joined()
        let source = try String(
            contentsOf: Self.root.appending(path: "Sources/Wire/Generated/\(name)"), encoding: .utf8)
        let first = source.prefix { $0 != "\n" }
        #expect(first == "// \(proto) SHA-256 \(sum)", "run proto/generate")
    }
}
