import Glibc
import Testing

@testable import Identity

/// A directory of its own, removed at the end.
private final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/wattest-identity-XXXXXX".utf8CString)
        let made: UnsafeMutablePointer<CChar>? = mkdtemp(&template)
        self.path = String(cString: try #require(made))
    }

    var names: [String] {
        guard let directory = opendir(self.path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    deinit {
        for name in self.names { unlink(self.path + "/" + name) }
        rmdir(self.path)
    }
}

private func mode(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
}

@Suite struct PrivateFileTests {
    private let scratch: Scratch

    init() throws {
        self.scratch = try Scratch()
    }

    @Test func secretIsForItsOwnerAlone() throws {
        let path = self.scratch.path + "/tls.key"
        let key = IdentityKey()
        try PrivateFile.write(key.pem, to: path)
        #expect(mode(path) == 0o600)
        #expect(try PrivateFile.readSecret(path) == key.pem)
        #expect(try IdentityKey(pem: PrivateFile.readSecret(path)).pem == key.pem)
    }

    @Test func writingReplacesAndLeavesNothingBehind() throws {
        let path = self.scratch.path + "/ca.pem"
        try PrivateFile.write([1, 2, 3], to: path, mode: 0o644)
        // What a crash in the middle of a write leaves must not stop the next one.
        try PrivateFile.write([9], to: path + ".new")
        try PrivateFile.write([4], to: path, mode: 0o644)
        #expect(try PrivateFile.read(path) == [4])
        #expect(mode(path) == 0o644)
        #expect(self.scratch.names == ["ca.pem"])
    }

    @Test func secretThatOthersCanReadIsRefused() throws {
        let path = self.scratch.path + "/tls.key"
        try PrivateFile.write([1], to: path, mode: 0o640)
        let error = #expect(throws: IdentityError.self) { try PrivateFile.readSecret(path) }
        #expect(error?.description == "\(path): readable by others than its owner: chmod 600 \(path)")
    }

    @Test func errorsNameThePlace() {
        let missing = self.scratch.path + "/none/key"
        for action in [
            { _ = try PrivateFile.read(missing) }, { _ = try PrivateFile.readSecret(missing) },
            { try PrivateFile.write([1], to: missing) },
        ] as [() throws -> Void] {
            let error = #expect(throws: IdentityError.self) { try action() }
            #expect(error?.code == .file)
            #expect(error?.description.contains(missing) == true)
        }
    }

    @Test func hugeFileIsNotAKey() throws {
        let path = self.scratch.path + "/big"
        try PrivateFile.write([UInt8](repeating: 0, count: PrivateFile.bytesMax + 1), to: path)
        #expect(throws: IdentityError.self) { try PrivateFile.read(path) }
    }
}

@Suite struct NetworkAddressTests {
    @Test(arguments: [
        ("0.0.0.0:7443", "0.0.0.0", 7443), ("[::1]:0", "::1", 0),
        ("aggregator.example:65535", "aggregator.example", 65535),
    ])
    func parses(_ text: String, _ host: String, _ port: Int) throws {
        let address = try #require(NetworkAddress(text))
        #expect(address == NetworkAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", ":", ":1", "a:", "a:65536", "a:-1", "a:+1", "a:1x", "::1:80", "[::1]", "[::1:80", "[a]:80", "[1.2.3.4]:80",
        "a:99999999999999999999",
    ])
    func refuses(_ text: String) {
        #expect(NetworkAddress(text) == nil)
    }
}
