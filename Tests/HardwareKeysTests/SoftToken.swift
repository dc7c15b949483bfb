import Foundation
import HardwareKeys

/// A SoftHSM token in a directory of its own, for the whole run: the module reads its configuration once.
struct SoftToken: Sendable {
    let directory: String
    let module: String
    /// Where the token `traveller` lies: the others stay when it is taken away.
    private let traveller: String

    /// Nil where SoftHSM is not installed.
    static let shared: SoftToken? = try? make()
    static var isInstalled: Bool { shared != nil }

    struct Missing: Error {}

    private static func make() throws -> SoftToken {
        let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"]
        let manager = FileManager.default
        guard let module = places.first(where: { manager.fileExists(atPath: $0) }) else { throw Missing() }
        let directory = NSTemporaryDirectory() + "/wattest-token-\(getpid())"
        try manager.createDirectory(atPath: directory + "/tokens", withIntermediateDirectories: true)
        let configuration =
            "directories.tokendir = \(directory)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        try configuration.write(toFile: directory + "/softhsm2.conf", atomically: true, encoding: .utf8)
        setenv("SOFTHSM2_CONF", directory + "/softhsm2.conf", 1)
        var slots: [String] = []
        for label in ["wattest", "spare", "traveller"] {
            try run(
                "/usr/bin/softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin",
                "5678")
            slots += try manager.contentsOfDirectory(atPath: "\(directory)/tokens").filter { !slots.contains($0) }
        }
        let token = SoftToken(
            directory: directory, module: module, traveller: "\(directory)/tokens/\(slots.last ?? "")")
        try token.generate("log", id: "01")
        try token.generate("administration", id: "02")
        try token.generate("log", id: "01", on: "traveller")
        try token.writePIN("1234", to: "pin")
        return token
    }

    private func generate(_ label: String, id: String, on name: String = "wattest") throws {
        try Self.run(
            "/usr/bin/pkcs11-tool", "--module", module, "--token-label", name, "--login", "--pin", "1234",
            "--keypairgen", "--key-type", "EC:edwards25519", "--label", label, "--id", id)
    }

    /// Takes the traveller out, and puts it back.
    func withoutTraveller(_ body: () throws -> Void) throws {
        let away = "\(directory)/away"
        try FileManager.default.moveItem(atPath: traveller, toPath: away)
        defer { try? FileManager.default.moveItem(atPath: away, toPath: traveller) }
        try body()
    }

    func writePIN(_ pin: String, to name: String, mode: Int = 0o600) throws {
        let path = "\(directory)/\(name)"
        try "\(pin)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    func uri(_ path: String = "token=wattest;object=log", module: String? = nil, pin: String = "pin") -> String {
        "pkcs11:\(path)?module-path=\(module ?? self.module)&pin-source=file:\(directory)/\(pin)"
    }

    private static func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Missing() }
    }
}
