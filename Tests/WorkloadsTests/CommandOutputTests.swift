import Testing
import Workloads

@Suite struct CommandOutputTests {
    @Test func outputStatusAndBounds() {
        #expect(CommandOutput(path: "/bin/sh").read(["-c", "printf a; printf b >&2"]) == "a")
        #expect(CommandOutput(path: "/bin/sh").read(["-c", "exit 3"]) == nil)
        #expect(CommandOutput(path: "/none").read([]) == nil)
        #expect(CommandOutput(path: "/bin/sh", environment: ["A": "1 2"]).read(["-c", "printf %s \"$A\""]) == "1 2")
        #expect(CommandOutput(path: "/bin/sh", maximumBytes: 10).read(["-c", "printf 01234567890123"]) == nil)
        #expect(CommandOutput(path: "/bin/sh", timeoutMilliseconds: 50).read(["-c", "sleep 100"]) == nil)
    }
}
