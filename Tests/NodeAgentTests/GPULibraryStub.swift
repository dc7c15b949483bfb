import Glibc
import Workloads

@testable import NodeAgent

/// A stub of the driver's library, compiled for the test.
struct GPULibraryStub {
    let path: String
    private let handle: UInt

    typealias Set = @convention(c) (UInt32, UnsafePointer<CChar>, UnsafePointer<CChar>, UInt32) -> Void

    init?(_ directory: String) {
        let library = directory + "/libnvidia-ml.so.1"
        let tests = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }
        let source = tests + "/SensorsTests/Fixtures/fake_nvml.c"
        let command = CommandOutput(path: "/usr/bin/env", environment: ["TMPDIR": directory])
        let compilers = ["cc", "clang", "gcc"]
        guard
            compilers.contains(where: {
                command.read([$0, "-shared", "-fPIC", "-O1", "-o", library, source]) != nil
            })
        else { return nil }
        path = library
        handle = UInt(bitPattern: dlopen(library, RTLD_NOW))
        guard handle != 0 else { return nil }
    }

    func call(_ name: String, _ board: UInt32, _ first: String, _ second: String, _ number: UInt32) {
        let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: handle), name)
        unsafeBitCast(symbol, to: Set.self)(board, first, second, number)
    }
}
