#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Files beside the tests.
enum Fixture {
    static let directory = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Fixtures"

    static func bytes(_ path: String) -> [UInt8] {
        let descriptor = open(directory + "/" + path, O_RDONLY | O_CLOEXEC)
        precondition(descriptor >= 0, "fixture \(path) is missing")
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}
