import NodeAgent
import Testing

@Suite struct ProcessTreeTests {
    private func process(_ pid: Int32, _ parent: Int32, own: UInt64, waited: UInt64 = 0, start: UInt64 = 1)
        -> ProcessEntry
    {
        ProcessEntry(pid: pid, parent: parent, startTicks: start, ownTicks: own, waitedTicks: waited)
    }

    private func update(_ tree: inout ProcessTree, _ processes: [ProcessEntry], root: Int32 = 10) {
        let table = Dictionary(uniqueKeysWithValues: processes.map { ($0.pid, $0) })
        var children: [Int32: [Int32]] = [:]
        for entry in processes { children[entry.parent, default: []].append(entry.pid) }
        tree.update(
            roots: [ProcessTree.Root(pid: root, startTicks: 1)], table: table, childrenByParent: children)
    }

    @Test func descendantsCountAndStrangersDoNot() {
        var tree = ProcessTree()
        update(
            &tree, [process(1, 0, own: 500), process(10, 1, own: 5), process(11, 10, own: 7), process(12, 11, own: 1)])
        #expect(tree.ticks == 13 && tree.isActive)
    }

    @Test func aChildThatEndsIsCountedOnceByItsParent() {
        var tree = ProcessTree()
        update(&tree, [process(10, 1, own: 5), process(11, 10, own: 7)])
        update(&tree, [process(10, 1, own: 6, waited: 9)])
        #expect(tree.ticks == 15)
    }

    @Test func anOrphanStaysAndIsKeptAfterItsEnd() {
        var tree = ProcessTree()
        update(&tree, [process(10, 1, own: 5), process(11, 10, own: 7)])
        // The root ends, its child is adopted, then ends too.
        update(&tree, [process(11, 1, own: 9)])
        #expect(tree.ticks == 14 && tree.isActive)
        update(&tree, [process(99, 1, own: 1000)])
        #expect(tree.ticks == 14 && !tree.isActive)
    }

    @Test func aPidThatIsUsedAgainIsAnotherProcess() {
        var tree = ProcessTree()
        update(&tree, [process(10, 1, own: 5)])
        update(&tree, [process(10, 1, own: 1000, start: 2)])
        #expect(tree.ticks == 5 && !tree.isActive)
    }

    @Test func itReadsWhatTheKernelWrites() throws {
        let text = "4211 (a) b (c) S 1 4211 4211 0 -1 4194304 91 17 0 0 12 34 56 78 20 0 1 0 6415 2000 300 184\n"
        let entry = try #require(ProcessEntry(stat: Array(text.utf8)))
        #expect(entry.pid == 4211 && entry.parent == 1 && entry.ownTicks == 46 && entry.waitedTicks == 134)
        #expect(entry.startTicks == 6415 && !entry.isZombie)
        for broken in ["", "1", "1 (a", "1 (a) S 1", "x (a) S 1 1 1 0 -1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"] {
            #expect(ProcessEntry(stat: Array(broken.utf8)) == nil)
        }
    }
}
