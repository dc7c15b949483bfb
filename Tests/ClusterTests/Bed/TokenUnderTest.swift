import Foundation
import Testing

/// A SoftHSM token in a directory of its own, for programs that are started with its environment.
struct TokenUnderTest: Sendable {
    private static let modules = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"]
    private static var module: String? { modules.first { FileManager.default.fileExists(atPath: $0) } }
    private static let tools = ["softhsm2-util", "pkcs11-tool"]

    static var isInstalled: Bool { module != nil && tools.allSatisfy(ForeignProgram.isInstalled) }

    let directory: TestDirectory
    private let module: String

    var environment: [String: String] { ["SOFTHSM2_CONF": "\(directory.path)/softhsm2.conf"] }

    init(keys labels: [String]) async throws {
        module = try #require(Self.module)
        directory = try TestDirectory()
        try FileManager.default.createDirectory(
            atPath: "\(directory.path)/tokens", withIntermediateDirectories: true)
        let settings =
            "directories.tokendir = \(directory.path)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        try settings.write(toFile: "\(directory.path)/softhsm2.conf", atomically: true, encoding: .utf8)
        try "1234\n".write(toFile: "\(directory.path)/pin", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(directory.path)/pin")
        try await shell("softhsm2-util --init-token --free --label wattest --pin 1234 --so-pin 5678")
        for (number, label) in labels.enumerated() {
            try await shell(
                "\(tool) --keypairgen --key-type EC:edwards25519 --label \(label) --id 0\(number + 1)")
        }
    }

    private var tool: String { "pkcs11-tool --module \(module) --token-label wattest --login --pin 1234" }

    private func shell(_ command: String) async throws {
        let result = try await ForeignProgram.shell(command, in: directory.path, environment: environment)
        try #require(result.status == 0, "\(command): \(result.text)")
    }

    func uri(_ label: String) -> String {
        "pkcs11:token=wattest;object=\(label)?module-path=\(module)&pin-source=file:\(directory.path)/pin"
    }

    /// Replaces the point of a public key where the token stores it. Its tools make no weak one.
    func replacePublicKey(_ label: String, by point: [UInt8]) async throws {
        try await shell("\(tool) --read-object --type pubkey --label \(label) -o \(label).pub")
        // PEM by newer versions of the tool, DER by older ones. The point is the end of either.
        let read = try #require(FileManager.default.contents(atPath: "\(directory.path)/\(label).pub"))
        let lines = String(decoding: read, as: UTF8.self).split(separator: "\n")
        let isPEM = lines.first?.hasPrefix("-----BEGIN") == true
        let der = isPEM ? Data(base64Encoded: lines.dropFirst().dropLast().joined()) : read
        let honest = Data(try #require(der).suffix(32))
        var replaced = 0
        let tokens = "\(directory.path)/tokens"
        for path in try FileManager.default.subpathsOfDirectory(atPath: tokens) where path.hasSuffix(".object") {
            var bytes = try #require(FileManager.default.contents(atPath: "\(tokens)/\(path)"))
            while let range = bytes.range(of: honest) {
                bytes.replaceSubrange(range, with: point)
                replaced += 1
            }
            try bytes.write(to: URL(filePath: "\(tokens)/\(path)"))
        }
        try #require(replaced > 0, "the token does not store its public keys as they are")
    }
}
