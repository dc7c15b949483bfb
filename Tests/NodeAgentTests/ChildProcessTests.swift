import Glibc
import Testing

@Suite struct ChildProcessTests {
    /// What tests clean up with, as root too, keeps to what they made.
    @Test func aLinkIsRemovedAndWhatItLeadsToIsKept() throws {
        try ChildProcess.withDirectory { directory in
            try #require(mkdir(directory + "/kept", 0o700) == 0 && mkdir(directory + "/kept/inner", 0o700) == 0)
            try #require(mkdir(directory + "/tree", 0o700) == 0)
            try #require(symlink(directory + "/kept", directory + "/tree/link") == 0)
            ChildProcess.removeTree(directory + "/tree")
            #expect(access(directory + "/tree", F_OK) != 0)
            #expect(access(directory + "/kept/inner", F_OK) == 0)
        }
    }
}
