#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A program of this package, as it was built beside the tests.
enum BuiltProgram: String {
    case aggregator = "wattest-aggregator"
    case agent = "wattest-agent"
    case wattest
    case audit = "wattest-audit"

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// It lies in the directory of the test bundle that runs.
    var path: String {
        get throws {
            let own = realpath("/proc/self/exe", nil).map { pointer in
                defer { free(pointer) }
                return String(cString: pointer)
            }
            for place in CommandLine.arguments + [own].compactMap(\.self) {
                guard let slash = place.lastIndex(of: "/") else { continue }
                let path = "\(place[..<slash])/\(rawValue)"
                if access(path, X_OK) == 0 { return path }
            }
            throw Missing(description: "\(rawValue) is not built; build the whole package")
        }
    }
}
