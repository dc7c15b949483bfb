import Batches
import Energy
import NodeAgent
import SeededRandom
import Testing
import TransparencyLog

@Suite struct UplinkStateTests {
    private func item(_ sequence: Int64?, chain: Int64 = 5, bytes: Int = 100, tag: String = "") -> SpoolItem {
        SpoolItem(
            leaf: .leaf(of: Array("\(chain) \(sequence ?? -1) \(tag)".utf8)),
            position: sequence.map { ChainPosition(incarnation: chain, sequence: $0) }, noteByteCount: bytes,
            samplesByteCount: 0)
    }

    private func head(_ next: Int64, leaf: MerkleHash, index: Int64 = 100, closed: Bool = false) -> LogHead {
        LogHead(incarnation: 5, nextSequence: next, leaf: leaf, lastIndex: index, isClosed: closed)
    }

    private func tree(_ size: UInt64) -> TreeHead { TreeHead(size: size, root: .leaf(of: [UInt8(size % 251)])) }

    private func sends(_ actions: [UplinkState.Action]) -> [Int64?] {
        actions.compactMap { if case .send(let item) = $0 { .some(item.position?.sequence) } else { nil } }
    }

    private func settles(_ actions: [UplinkState.Action]) -> [Int64?] {
        actions.compactMap { if case .settle(let item) = $0 { .some(item.position?.sequence) } else { nil } }
    }

    /// A state with an open connection and so many entries of chain 5, none of them sent before.
    private func opened(_ count: Int64, window: UplinkState.Window = .init(), keepsNewest: Bool = false) -> UplinkState
    {
        var state = UplinkState(window: window)
        state.openChain(5, keepsNewest: keepsNewest, previous: .leaf(of: Array("opening".utf8)))
        state.connected()
        _ = state.heads([])
        for sequence in 0..<count { _ = state.add(item(sequence)) }
        return state
    }

    @Test func nothingIsSentBeforeTheHeads() {
        var state = UplinkState()
        state.openChain(5, keepsNewest: false)
        #expect(state.add(item(0)) == [])
        state.connected()
        #expect(state.add(item(1)) == [])
        #expect(sends(state.heads([])) == [0, 1])
    }

    @Test func theWindowBoundsWhatIsUnacknowledged() {
        var state = opened(0, window: .init(entries: 3, bytes: 250))
        #expect(sends(state.add(item(0))) == [0])
        #expect(sends(state.add(item(1))) == [1])
        #expect(sends(state.add(item(2))) == [2])
        #expect(sends(state.add(item(3))) == [])
        let actions = state.acknowledged(leaf: item(0).leaf, position: item(0).position, index: 9)
        #expect(sends(actions) == [3])
    }

    @Test func anEntryLeavesOnlyWhenAcknowledgedAndCovered() {
        var state = opened(2)
        #expect(settles(state.checkpoint(tree(50))) == [])
        #expect(settles(state.acknowledged(leaf: item(0).leaf, position: item(0).position, index: 49)) == [0])
        #expect(settles(state.acknowledged(leaf: item(1).leaf, position: item(1).position, index: 50)) == [])
        let actions = state.checkpoint(tree(51))
        #expect(actions == [.remember, .settle(item(1))])
        #expect(state.isSettled)
    }

    @Test func anAcknowledgementOfAnotherEntryProvesNothing() {
        var state = opened(1)
        let wrong = item(0, tag: "other")
        _ = state.acknowledged(leaf: wrong.leaf, position: wrong.position, index: 1)
        #expect(settles(state.checkpoint(tree(99))) == [])
    }

    @Test func theNewestEntryOfTheOwnChainStaysUntilTheNextIsThere() {
        var state = opened(1, keepsNewest: true)
        _ = state.acknowledged(leaf: item(0).leaf, position: item(0).position, index: 3)
        #expect(settles(state.checkpoint(tree(99))) == [])
        #expect(state.isSettled)
        #expect(sends(state.add(item(1))) == [1])
        #expect(settles(state.acknowledged(leaf: item(1).leaf, position: item(1).position, index: 4)) == [0])
    }

    @Test func afterAReconnectOnlyWhatTheHeadLacksIsSentAgain() {
        var state = opened(4)
        #expect(state.disconnected(jitter: 0) == 250)
        state.connected()
        #expect(sends(state.heads([head(2, leaf: item(1).leaf)])) == [2, 3])
        #expect(settles(state.checkpoint(tree(101))) == [0, 1])
    }

    @Test func aHeadWhoseIndexCannotBeItsOwnIsNoAcknowledgement() {
        var state = opened(2)
        _ = state.disconnected(jitter: 0)
        state.connected()
        #expect(sends(state.heads([head(2, leaf: item(1).leaf, index: 5)])) == [0, 1])
        #expect(settles(state.checkpoint(tree(6))) == [])
    }

    /// An import is killed with batches under way; they arrive after the next run has asked how far the log is.
    @Test func entriesOfAKilledRunThatArriveLateAreMadeAgain() {
        var state = UplinkState()
        state.openChain(5, keepsNewest: false, isReproducible: true, nextSequence: 2, previous: item(1).leaf)
        state.connected()
        #expect(state.heads([head(2, leaf: item(1).leaf)]) == [])
        #expect(sends(state.add(item(2))) == [2])
        _ = state.disconnected(jitter: 0)
        state.connected()
        #expect(sends(state.heads([head(5, leaf: item(4).leaf)])) == [2])
        #expect(sends(state.add(item(3))) == [3])
        // Another entry in its place is refused by the log, and ends the import.
        let refusal = Refusal(.chainFork, "another entry")
        let actions = state.refused(leaf: item(3).leaf, position: item(3).position, refusal, jitter: 0)
        guard case .giveUp(let loss) = actions.last else { return #expect(Bool(false), "\(actions)") }
        #expect(loss.lastGoodSequence == 2)
    }

    @Test func aLogThatHasMoreThanThisAgentEndsTheChain() {
        var state = opened(2)
        _ = state.disconnected(jitter: 0)
        state.connected()
        let actions = state.heads([head(9, leaf: item(8).leaf)])
        guard case .giveUp(let loss) = actions.last else { return #expect(Bool(false), "\(actions)") }
        #expect(loss.isBehindHead && loss.lastGoodSequence == 1 && loss.setAside.isEmpty)
        #expect(sends(state.add(item(2))) == [])
        _ = state.disconnected(jitter: 0)
        state.connected()
        #expect(state.heads([head(9, leaf: item(8).leaf)]) == [])
    }

    @Test func anotherEntryInOurPlaceEndsTheChainThere() {
        var state = opened(3)
        _ = state.disconnected(jitter: 0)
        state.connected()
        let actions = state.heads([head(2, leaf: item(1, tag: "clone").leaf)])
        guard case .giveUp(let loss) = actions.last else { return #expect(Bool(false), "\(actions)") }
        #expect(loss.lastGoodSequence == 0 && loss.setAside == [item(1), item(2)])
        // The node is ready again when its next chain is there.
        #expect(state.holds.count == 1)
        state.openChain(loss.incarnation + 1, keepsNewest: true)
        #expect(state.holds.isEmpty)
    }

    @Test func aLogThatLostAcknowledgedEntriesIsWaitedFor() {
        var state = opened(2)
        _ = state.acknowledged(leaf: item(0).leaf, position: item(0).position, index: 7)
        _ = state.checkpoint(tree(8))
        _ = state.disconnected(jitter: 0)
        state.connected()
        #expect(sends(state.heads([head(0, leaf: .leaf(of: []), index: 5)])) == [])
        #expect(state.holds.count == 1)
        _ = state.disconnected(jitter: 0)
        state.connected()
        #expect(sends(state.heads([head(1, leaf: item(0).leaf)])) == [1])
    }

    @Test func aPermanentRefusalOfAnEntryOutsideOfChainsBlocksNothing() {
        var state = opened(0)
        let loose = item(nil, tag: "job")
        #expect(sends(state.add(loose)) == [nil])
        #expect(sends(state.add(item(0))) == [0])
        let refusal = Refusal(.badSyntax, "no")
        #expect(state.refused(leaf: loose.leaf, position: nil, refusal, jitter: 0) == [.setAside(loose, refusal)])
        #expect(sends(state.add(item(1))) == [1])
    }

    /// A key that was changed while the agent stood still signs everything behind the entry that names it, and nothing
    /// of that is right before the log has the entry.
    @Test(arguments: [true, false]) func whatAnEarlierRunLeftOutsideOfChainsIsAnsweredFirst(isTaken: Bool) {
        var state = UplinkState()
        let rotation = item(nil, tag: "rotation")
        let job = item(nil, tag: "job")
        _ = state.add(rotation, isRecovered: true)
        state.openChain(5, keepsNewest: true, previous: .leaf(of: Array("opening".utf8)))
        _ = state.add(item(0), isRecovered: true)
        _ = state.add(job)
        state.connected()
        #expect(state.heads([]) == [.send(rotation)])
        #expect(state.add(item(1)) == [])
        _ = state.disconnected(jitter: 0)
        state.connected()
        #expect(state.heads([]) == [.send(rotation)])
        let actions =
            isTaken
            ? state.acknowledged(leaf: rotation.leaf, position: nil, index: 7)
            : state.refused(leaf: rotation.leaf, position: nil, Refusal(.badSyntax, "no"), jitter: 0)
        #expect(actions.dropFirst() == [.send(job), .send(item(0)), .send(item(1))])
    }

    @Test func aPermanentRefusalInAChainEndsItFromThere() {
        var state = opened(3)
        let refusal = Refusal(.overlap, "no")
        let actions = state.refused(leaf: item(1).leaf, position: item(1).position, refusal, jitter: 0)
        #expect(actions.dropLast() == [.setAside(item(1), refusal), .setAside(item(2), refusal)])
        guard case .giveUp(let loss) = actions.last else { return #expect(Bool(false)) }
        #expect(loss.lastGoodSequence == 0 && !loss.isBehindHead)
        _ = state.acknowledged(leaf: item(0).leaf, position: item(0).position, index: 7)
        #expect(settles(state.checkpoint(tree(8))) == [0])
        // The agent goes on in another chain: from then on nobody has to do anything about this one.
        state.openChain(loss.incarnation + 1, keepsNewest: true)
        #expect(state.holds.isEmpty)
    }

    @Test func anOverloadedLogIsSentTheSameAgainLater() {
        var state = opened(3)
        let refusal = Refusal(.overloaded, isPermanent: false, "later")
        let actions = state.refused(leaf: item(1).leaf, position: item(1).position, refusal, jitter: 999)
        #expect(actions == [.pause(milliseconds: 500)])
        #expect(state.refused(leaf: item(2).leaf, position: item(2).position, refusal, jitter: 999) == [])
        #expect(sends(state.add(item(3))) == [])
        #expect(sends(state.retryDue()) == [1, 2, 3])
    }

    @Test func aSignerThatIsNotKnownComesBackRarely() {
        var state = opened(1)
        let refusal = Refusal(.retiredKey, "retired")
        var waits: [Int64] = []
        for _ in 0..<9 {
            let actions = state.refused(leaf: item(0).leaf, position: item(0).position, refusal, jitter: 0)
            #expect(actions == [.drop(reason: "\(refusal)")])
            waits.append(state.disconnected(jitter: 999))
            state.connected()
            _ = state.checkpoint(tree(10))
            #expect(sends(state.heads([])) == [0])
        }
        #expect(waits == [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    }

    @Test func aHoleInTheSpoolIsNotSentOver() {
        var state = opened(1)
        let actions = state.add(item(2))
        #expect(actions.count == 1 && sends(actions) == [])
    }

    /// A log and a wire that lose, repeat and reorder; at the end everything is settled once and the log holds it once.
    @Test(arguments: 0..<200) func randomWorldsEndSettled(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var world = World(window: .init(entries: 1 + Int(random.next() % 8), bytes: 1000))
        for _ in 0..<400 { world.step(&random, item: { self.item($0, chain: $1, bytes: $2, tag: $3) }) }
        world.finish(&random)
        #expect(world.state.isSettled, "seed \(seed)")
        #expect(world.settled.count == Set(world.settled).count, "seed \(seed)")
        #expect(world.settled.count == world.added, "seed \(seed)")
        #expect(world.log.count == world.added, "seed \(seed)")
        #expect(world.violations.isEmpty, "seed \(seed): \(world.violations)")
    }
}

/// A simulated aggregator behind a bad wire.
private struct World {
    var state: UplinkState
    /// The log: leaf hashes in order, with the next sequence of chain 5.
    var log: [MerkleHash] = []
    var indexes: [MerkleHash: Int64] = [:]
    var next: Int64 = 0
    var lastLeaf = MerkleHash.leaf(of: Array("opening".utf8))
    var added = 0
    var nextToAdd: Int64 = 0
    var settled: [MerkleHash] = []
    var violations: [String] = []
    var isConnected = false
    var isPaused = false
    var wantsDrop = false
    var up: [SpoolItem] = []
    var down: [(SpoolItem, Int64?)] = []
    var covered: UInt64 = 0
    /// Index of the chain's newest entry; the chain was opened at index 5.
    var lastIndex: Int64 = 5
    static let firstIndex: Int64 = 6

    init(window: UplinkState.Window) {
        state = UplinkState(window: window)
        state.openChain(5, keepsNewest: false, previous: lastLeaf)
    }

    mutating func perform(_ actions: [UplinkState.Action]) {
        for action in actions {
            switch action {
            case .send(let item): up.append(item)
            case .settle(let item):
                settled.append(item.leaf)
                if indexes[item.leaf].map({ UInt64($0) < covered }) != true { violations.append("settled too early") }
            case .pause: isPaused = true
            case .drop: wantsDrop = true
            case .setAside, .giveUp: violations.append("\(action)")
            case .remember, .logged: break
            }
        }
    }

    mutating func step(_ random: inout SeededRandom, item: (Int64?, Int64, Int, String) -> SpoolItem) {
        switch random.next() % 10 {
        case 0, 1:
            let isLoose = random.next() % 5 == 0
            perform(state.add(isLoose ? item(nil, 5, 100, "\(added)") : item(nextToAdd, 5, 100, "")))
            if !isLoose { nextToAdd += 1 }
            added += 1
        case 2: if isConnected, random.next() % 4 == 0 { disconnect(&random) } else { connect() }
        case 3: if isPaused { resume() }
        case 4, 5, 6: receive(&random)
        case 7, 8: answer(&random)
        default: checkpoint()
        }
        if wantsDrop { disconnect(&random) }
    }

    mutating func connect() {
        guard !isConnected else { return }
        isConnected = true
        state.connected()
        let head = LogHead(
            incarnation: 5, nextSequence: next, leaf: lastLeaf, lastIndex: lastIndex, isClosed: false)
        perform(state.heads([head]))
    }

    mutating func disconnect(_ random: inout SeededRandom) {
        guard isConnected else { return }
        isConnected = false
        isPaused = false
        wantsDrop = false
        _ = state.disconnected(jitter: Int64(random.next() % 1000))
        // What was on the wire may still have arrived; the answers are lost.
        for item in up where random.next() % 2 == 0 { _ = take(item, overloads: false) }
        up = []
        down = []
    }

    mutating func resume() {
        isPaused = false
        perform(state.retryDue())
    }

    mutating func take(_ item: SpoolItem, overloads: Bool) -> Int64?? {
        if let known = indexes[item.leaf] { return known }
        if overloads { return .some(nil) }
        if let position = item.position {
            guard position.sequence == next else { return nil }
            next += 1
            lastLeaf = item.leaf
            lastIndex = Self.firstIndex + Int64(log.count)
        }
        indexes[item.leaf] = Self.firstIndex + Int64(log.count)
        log.append(item.leaf)
        return indexes[item.leaf]
    }

    mutating func receive(_ random: inout SeededRandom) {
        guard isConnected, !up.isEmpty else { return }
        let item = up.removeFirst()
        switch take(item, overloads: random.next() % 20 == 0) {
        case .some(let index): down.append((item, index))
        case nil:
            perform(
                state.refused(
                    leaf: item.leaf, position: item.position, Refusal(.chainGap, isPermanent: false, "gap"), jitter: 0))
        }
        if random.next() % 8 == 0, let last = down.last { down.append(last) }
    }

    mutating func answer(_ random: inout SeededRandom) {
        guard isConnected, !down.isEmpty else { return }
        let (item, index) = down.remove(at: Int(random.next() % UInt64(min(3, down.count))))
        if let index {
            perform(state.acknowledged(leaf: item.leaf, position: item.position, index: index))
        } else {
            let refusal = Refusal(.overloaded, isPermanent: false, "later")
            perform(state.refused(leaf: item.leaf, position: item.position, refusal, jitter: 0))
        }
    }

    mutating func checkpoint() {
        guard isConnected, !log.isEmpty else { return }
        covered = UInt64(log.count) + 6
        perform(state.checkpoint(TreeHead(size: covered, root: log[log.count - 1])))
    }

    mutating func finish(_ random: inout SeededRandom) {
        for _ in 0..<4000 where !state.isSettled {
            connect()
            if isPaused { resume() }
            receive(&random)
            answer(&random)
            checkpoint()
            if wantsDrop { disconnect(&random) }
        }
    }
}
