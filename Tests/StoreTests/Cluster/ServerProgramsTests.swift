import Testing

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ServerProgramsTests {
    private let user = ServerUser(
        name: "self", user: geteuid(), group: getegid(), groups: [getegid()], home: "/tmp", isOther: false)

    /// A directory with stand-ins that say which version they are.
    private func programs(_ text: String, in directory: String) throws {
        mkdir(directory, 0o755)
        for name in ["postgres", "initdb"] {
            let descriptor = open("\(directory)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
            let script = Array("#!/bin/sh\necho '\(text)'\n".utf8)
            #expect(write(descriptor, script, script.count) == script.count)
            close(descriptor)
        }
    }

    @Test(arguments: [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", 15), ("postgres (PostgreSQL) 17beta1\n", 17),
        ("postgres (PostgreSQL) 9.6.24\n", 9),
    ])
    func readsVersions(_ text: String, _ major: Int) {
        #expect(ServerPrograms.major(fromVersionText: text) == major)
    }

    @Test func takesTheNewestAndTheOneThatACusterNeeds() throws {
        let directory = TemporaryDirectory()
        for major in [9, 15, 16] {
            mkdir("\(directory.path)/\(major)", 0o755)
            try programs("postgres (PostgreSQL) \(major).1", in: "\(directory.path)/\(major)/bin")
        }
        let places = ServerPrograms.Places(versions: directory.path)
        #expect(try ServerPrograms.find(in: places, wanted: nil, as: user).major == 16)
        #expect(try ServerPrograms.find(in: places, wanted: 15, as: user).directory == "\(directory.path)/15/bin")
        #expect { try ServerPrograms.find(in: places, wanted: 14, as: user) } throws: { error in
            (error as? StoreError)?.description.contains("made by PostgreSQL 14, and here is 16, 15, 9") == true
        }
    }

    @Test func refusesOldOnes() throws {
        let directory = TemporaryDirectory()
        try programs("postgres (PostgreSQL) 13.9", in: "\(directory.path)/bin")
        let places = ServerPrograms.Places(configured: "\(directory.path)/bin")
        #expect { try ServerPrograms.find(in: places, wanted: nil, as: user) } throws: { error in
            (error as? StoreError)?.message == "PostgreSQL 13 is too old: 15 or later is needed"
        }
    }

    @Test func namesThePackageWhenThereIsNone() {
        let places = ServerPrograms.Places(versions: "/nonexistent", path: ["/nonexistent/bin"])
        #expect { try ServerPrograms.find(in: places, wanted: nil, as: user) } throws: { error in
            let text = (error as? StoreError)?.description ?? ""
            return text.contains("install Debian's package postgresql") && !text.contains("\n")
        }
    }
}
