import Testing
import Workloads

@Suite struct HostlistTests {
    @Test(arguments: [
        ("node1", ["node1"]),
        ("node[1-3]", ["node1", "node2", "node3"]),
        ("gpu[008-011,20],login", ["gpu008", "gpu009", "gpu010", "gpu011", "gpu20", "login"]),
        ("r[1-2]n[01-02]", ["r1n01", "r1n02", "r2n01", "r2n02"]),
        ("a[1]-ib,b.c_d", ["a1-ib", "b.c_d"]),
    ])
    func everyNameInOrder(list: String, hosts: [String]) {
        #expect(Hostlist.expand(list) == hosts)
    }

    @Test(arguments: [
        "", ",", "a,", "a[", "a]", "a[1", "a[]", "a[2-1]", "a[1-2-3]", "a[x]", "a[[1]]", "a b", "a/b", "a[1-,2]",
        "a[9999999999]", "é",
    ])
    func whatIsNoListIsRefused(text: String) {
        #expect(Hostlist.expand(text) == nil)
    }

    @Test func aForgedListTakesNoMemory() {
        #expect(Hostlist.expand("a[1-999999999]") == nil)
        #expect(Hostlist.expand("a[1-60000]b[1-60000]c[1-60000]") == nil)
        #expect(Hostlist.expand("a[1-65536]")?.count == 65_536)
        #expect(Hostlist.expand("a[1-65537]") == nil)
        #expect(Hostlist.expand("a[1-3],b[1-3]", limit: 5) == nil)
    }

    @Test func numbersInRanges() {
        #expect(DecimalNumber.list("0-2,7") == [0, 1, 2, 7])
        #expect(DecimalNumber.list("5") == [5])
        for text in ["", "-", "1-", "2-1", "a", "0-99999999", "1,,2"] { #expect(DecimalNumber.list(text) == nil) }
    }
}
