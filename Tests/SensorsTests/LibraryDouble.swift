import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A C library of the fixtures, compiled once and loaded from a copy of its own by every test, so that no test sees the
/// state of another.
struct LibraryDouble: Sendable {
    private static let nvml = compiled("fake_nvml.c")
    private static let amdsmi = compiled("fake_amdsmi.c")

    let path: String
    private let tree: FixtureTree
    private let handle: UInt

    typealias Set = @convention(c) (UInt32, UnsafePointer<CChar>, UnsafePointer<CChar>, UInt32) -> Void
    typealias SetNumber = @convention(c) (UInt32, UnsafePointer<CChar>, UInt64) -> Void

    static func fakeNVML() throws -> LibraryDouble { try LibraryDouble(#require(nvml)) }
    static func fakeAMDSMI() throws -> LibraryDouble { try LibraryDouble(#require(amdsmi)) }

    private init(_ library: (tree: FixtureTree, path: String)) throws {
        tree = FixtureTree()
        path = tree.root + "/lib.so"
        try #require(Self.run("cp", library.path, path))
        let opened = UInt(bitPattern: dlopen(path, RTLD_NOW))
        try #require(opened != 0)
        handle = opened
    }

    private func symbol<Function>(_ name: String, _ type: Function.Type) -> Function {
        unsafeBitCast(dlsym(UnsafeMutableRawPointer(bitPattern: handle), name), to: type)
    }

    func add(_ index: UInt32, uuid: String, name: String = "NVIDIA H100 80GB HBM3", limitMilliwatts: UInt32 = 700_000) {
        symbol("fake_set", Set.self)(index, uuid, name, limitMilliwatts)
    }

    func set(_ what: String, _ value: UInt64, gpu: UInt32 = 0) {
        symbol("fake_number", SetNumber.self)(gpu, what, value)
    }

    /// Adds a process with a context on a board.
    func addProcess(_ process: Int32, gpu: UInt32 = 0) {
        symbol("fake_process", Set.self)(gpu, "", "", UInt32(process))
    }

    /// Sets how busy the process at a place keeps its board.
    func setBusy(_ percent: UInt64, place: Int, gpu: UInt32 = 0) {
        symbol("fake_busy", SetNumber.self)(gpu, "\(place)", percent)
    }

    /// Adds a MIG instance.
    func addInstance(_ uuid: String, multiprocessors: UInt32, gpu: UInt32 = 0) {
        symbol("fake_instance", Set.self)(gpu, uuid, "", multiprocessors)
    }

    private static func compiled(_ source: String) -> (tree: FixtureTree, path: String)? {
        let tree = FixtureTree()
        let path = tree.root + "/" + source + ".so"
        for compiler in ["clang", "cc", "gcc"]
        where run(compiler, "-shared", "-fPIC", "-O1", "-o", path, Fixture.directory + "/" + source) {
            return (tree, path)
        }
        return nil
    }

    static func run(_ arguments: String...) -> Bool {
        var status: Int32 = 0
        guard let process = start(arguments) else { return false }
        return waitpid(process, &status, 0) == process && status == 0
    }

    static func start(_ arguments: String...) -> pid_t? { start(arguments) }

    private static func start(_ arguments: [String]) -> pid_t? {
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        return posix_spawnp(&process, arguments[0], nil, nil, &pointers, environ) == 0 ? process : nil
    }
}
