import Testing
import Wire
import Workloads

@testable import NodeAgent

@Suite struct SignedAccountsTests {
    private func setting(_ text: String, _ index: UInt64) -> AccountMapSetting {
        AccountMapSetting(value: Array(text.utf8), index: index)
    }

    @Test func theNodesOwnWordHoldsOverTheSignedOneWhichOutlivesTheAgent() throws {
        try ChildProcess.withDirectory { directory in
            let own = try AccountMap(parsing: "slurm own delta")
            let accounts = SignedAccounts(own: own, path: directory + "/m")
            #expect(accounts.map == own)
            let first = setting(#"{"slurm": {"own": "x", "Lab": "beta"}, "kubernetes": {"ns": "gamma"}}"#, 7)
            #expect(accounts.take(first)?.contains("entry 7") == true)
            #expect(accounts.take(first) == nil)
            for known in [accounts, SignedAccounts(own: own, path: directory + "/m")] {
                #expect(known.map.organization("slurm", "OWN") == "delta")
                #expect(known.map.organization("slurm", "lab") == "beta")
                #expect(known.map.organization("kubernetes", "ns") == "gamma")
                #expect(known.map.settingIndex == 7)
            }
        }
    }

    @Test(arguments: [
        "", "[]", #"{"pbs": {"a": "b"}}"#, #"{"slurm": {"a": "B C"}}"#, #"{"slurm": {"a": 1}}"#,
    ])
    func whatIsNoMapChangesNothing(text: String) throws {
        try ChildProcess.withDirectory { directory in
            let accounts = SignedAccounts(own: AccountMap(), path: directory + "/m")
            _ = accounts.take(setting(#"{"slurm": {"a": "beta"}}"#, 7))
            #expect(accounts.take(setting(text, 8))?.contains("no map") == true)
            #expect(accounts.map.organization("slurm", "a") == "beta" && accounts.map.settingIndex == 7)
        }
    }
}
