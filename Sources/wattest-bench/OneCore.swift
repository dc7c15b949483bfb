#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps the calling thread, and the processes that it starts, on one core.
enum OneCore {
    /// Neither C library shows these to Swift: both are extensions of Linux.
    private typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32

    private static func affinity(_ name: String) throws -> Affinity {
        guard let symbol = dlsym(nil, name) else { throw BenchError("\(name) is missing") }
        return unsafeBitCast(symbol, to: Affinity.self)
    }

    static func run<Result>(_ body: () throws -> Result) throws -> Result {
        let (get, set) = (try affinity("sched_getaffinity"), try affinity("sched_setaffinity"))
        let size = MemoryLayout<cpu_set_t>.size
        var all = cpu_set_t()
        guard get(0, size, &all) >= 0 else { throw BenchError("the cores cannot be told") }
        var one = first(of: all)
        guard set(0, size, &one) == 0 else { throw BenchError("one core alone cannot be had") }
        defer { _ = set(0, size, &all) }
        return try body()
    }

    private static func first(of cores: cpu_set_t) -> cpu_set_t {
        var one = cpu_set_t()
        withUnsafeBytes(of: cores) { cores in
            withUnsafeMutableBytes(of: &one) { one in
                guard let place = cores.firstIndex(where: { $0 != 0 }) else { return }
                one[place] = cores[place] & (~cores[place] &+ 1)
            }
        }
        return one
    }
}
