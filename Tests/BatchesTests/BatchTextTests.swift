import Batches
import Energy
import SeededRandom
import Testing
import TransparencyLog

/// A batch with every kind of line, made from a seed.
func randomBatch(_ random: inout SeededRandom) -> Batch {
    func name(_ prefix: String) -> String { "\(prefix)-\(random.next() % 1000)" }
    func maybe(_ value: Int64) -> Int64? { random.next() % 2 == 0 ? value : nil }
    func count(_ bound: UInt64) -> Int64 { Int64(random.next() % bound) }
    let sensors = (0..<Int(random.next() % 14)).map { index in
        SensorFacts(
            id: "nvml:GPU-\(index)", kind: "nvml", layer: Layer.allCases[Int(random.next() % 8)],
            within: random.next() % 2 == 0 ? "dcmi:node" : nil, provenance: Provenance.allCases[Int(random.next() % 5)],
            epoch: count(9), firstMicrojoules: Int64.random(in: .min...(.max), using: &random),
            lastMicrojoules: Int64.random(in: .min + 1...(.max), using: &random), readings: count(400),
            longestGapMilliseconds: count(20_000), bridgedMilliseconds: count(20_000),
            missingMilliseconds: count(20_000), periodMilliseconds: 1000, idlePowerMilliwatts: count(100_000),
            flags: SensorFlags(rawValue: UInt32(random.next() % (1 << 13))))
    }
    func devices() -> [DeviceHold] {
        (0..<Int(random.next() % 4)).map { DeviceHold(sensor: "nvml:GPU-\($0)", weight: maybe(count(100))) }
    }
    let allocations = (0..<Int(random.next() % 4)).map { _ in
        AllocationFacts(
            job: Pseudonym.encode(random.bytes(16)), mode: AllocationFacts.Mode.allCases[Int(random.next() % 3)],
            devices: devices(), cpuMicroseconds: count(1 << 40), reservedMillicores: count(1 << 20),
            heldNanoseconds: maybe(count(1 << 34)), expectedNodes: maybe(count(1000)), rank: maybe(count(1000)),
            since: UTCTime(microseconds: count(1 << 52)), isActive: random.next() % 2 == 0)
    }
    let isRecorded = random.next() % 4 == 0
    let facts = IntervalFacts(
        interval: UTCInterval(
            start: UTCTime(microseconds: count(1 << 52)), end: UTCTime(microseconds: count(1 << 52))),
        monotonic: isRecorded
            ? nil : MonotonicInterval(startNanoseconds: count(1 << 60), endNanoseconds: count(1 << 60)),
        state: random.next() % 4 == 0 ? .outage : .measured,
        host: random.next() % 2 == 0
            ? HostFacts(millicores: count(1 << 20), unheldCPUMicroseconds: count(1 << 40)) : nil,
        sensors: sensors, allocations: allocations,
        others: random.next() % 4 == 0
            ? OtherTenants(reservedMillicores: count(99), cpuMicroseconds: count(99), devices: devices()) : nil)
    return Batch(
        log: "aggregator.example/org/\(name("o"))", node: name("node"),
        position: ChainPosition(incarnation: count(1 << 40), sequence: count(1 << 40)),
        previous: MerkleHash(random.bytes(32))!,
        anchor: random.next() % 2 == 0 ? TreeHead(size: random.next() >> 1, root: MerkleHash(random.bytes(32))!) : nil,
        boot: isRecorded ? nil : name("boot"),
        clock: ClockState(
            letter: ClockState.Letter.allCases[Int(random.next() % 4)], errorMicroseconds: maybe(count(99))),
        facts: facts,
        samples: random.next() % 2 == 0
            ? SampleCommitment(readings: count(400), byteCount: 1 + count(4000), sha256: random.bytes(32)) : nil,
        salt: random.bytes(16))
}

/// The same as an extract: lines of one tenant, a sum of all others, and the batch that it was cut from.
func randomExtract(_ random: inout SeededRandom) -> Batch {
    var batch = randomBatch(&random)
    batch.home = HomeBatch(
        log: "aggregator.example/org/home",
        position: ChainPosition(incarnation: Int64(random.next() % 99), sequence: Int64(random.next() % 99)),
        leaf: MerkleHash(random.bytes(32))!)
    if batch.facts.allocations.isEmpty {
        batch.facts.allocations = [
            AllocationFacts(
                job: Pseudonym.encode(random.bytes(16)), mode: .shared, since: UTCTime(microseconds: 1))
        ]
    }
    for index in batch.facts.allocations.indices where batch.facts.allocations[index].mode == .tenant {
        batch.facts.allocations[index].mode = .exclusive
    }
    batch.facts.others =
        batch.facts.others ?? OtherTenants(reservedMillicores: 0, cpuMicroseconds: 0, devices: [])
    return batch
}

@Suite struct BatchTextTests {
    @Test(arguments: 0..<200) func extractsParseAsTheyRender(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let extract = randomExtract(&random)
        #expect(try Batch(text: extract.text) == extract, "seed \(seed)")
        #expect(try Entry(text: extract.text).kind == .extract)
        for _ in 0..<50 {
            var mutated = extract.text
            mutated[Int(random.next() % UInt64(mutated.count))] ^= 1 << UInt8(random.next() % 8)
            if let accepted = try? Batch(text: mutated) { #expect(accepted.text == mutated, "seed \(seed)") }
        }
    }

    @Test func extractsAreOfTheirTenantAlone() throws {
        var random = SeededRandom(seed: 8)
        let extract = randomExtract(&random)
        var named = extract
        named.facts.allocations[0].mode = .tenant
        var empty = extract
        empty.facts.allocations = []
        var unsummed = extract
        unsummed.facts.others = nil
        for wrong in [named, empty, unsummed] {
            #expect(throws: NoteSyntaxError.self) { try Batch(text: wrong.text) }
        }
    }

    @Test(arguments: 0..<200) func parsingInvertsRendering(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let batch = randomBatch(&random)
        #expect(try Batch(text: batch.text) == batch, "seed \(seed)")
        #expect(try Entry(text: batch.text).kind == .batch)
    }

    /// Whatever is accepted renders to the very bytes that were parsed: one fact, one spelling.
    @Test(arguments: 0..<200) func noSecondSpellingIsAccepted(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let text = randomBatch(&random).text
        for _ in 0..<200 {
            var mutated = text
            let position = Int(random.next() % UInt64(mutated.count))
            switch random.next() % 4 {
            case 0: mutated[position] ^= 1 << UInt8(random.next() % 8)
            case 1: mutated.remove(at: position)
            case 2: mutated.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
            default: mutated.removeLast(Int(random.next() % UInt64(mutated.count)))
            }
            if let accepted = try? Batch(text: mutated) { #expect(accepted.text == mutated, "seed \(seed)") }
        }
    }

    @Test(arguments: [
        "seq 01", "chain -1 0", "interval +5 6", "mono 1", "state asleep", "salt AAAA", "clock X 1", "host 1 2 3",
    ])
    func refusalsNameTheLine(line: String) throws {
        var random = SeededRandom(seed: 3)
        let keyword = line.prefix { $0 != " " }
        let lines = String(decoding: randomBatch(&random).text, as: UTF8.self).split(separator: "\n")
        let text = lines.map { $0.hasPrefix("\(keyword) ") ? line : String($0) }.joined(separator: "\n") + "\n"
        let isKnown = lines.contains { $0.hasPrefix("\(keyword) ") }
        guard isKnown else { return }
        let error = #expect(throws: NoteSyntaxError.self) { try Batch(text: Array(text.utf8)) }
        let number = try #require(lines.firstIndex { $0.hasPrefix("\(keyword) ") }) + 1
        #expect(error?.line == number)
    }
}

@Suite struct NamesTests {
    @Test func jobKeysHaveOneSpelling() {
        let key = JobKey(cluster: "alpha 1", scheduler: "slurm", id: "12_3", submitSeconds: 1_700_000_000)
        #expect(key.description == "alpha%201/slurm/12_3@1700000000")
        #expect(JobKey(key.description) == key)
        #expect(JobKey("a/b/c@-")?.submitSeconds == nil)
        for bad in ["", "a/b", "a/b/c", "a/b/c@", "a/b/c@01", "a/b/c@-1", "a%41/b/c@-", "a%2f/b/c@-", "//@-"] {
            #expect(JobKey(bad) == nil, "\(bad)")
        }
    }

    @Test func pseudonymsAreBase32OfSixteenBytes() {
        let bytes = Array(UInt8(0)..<16)
        #expect(Pseudonym.decode(Pseudonym.encode(bytes)) == bytes)
        #expect(Pseudonym.isWellFormed(Pseudonym.of(jobKey: "a/b/c@-", salt: [1, 2, 3])))
        #expect(!Pseudonym.isWellFormed("aaaaaaaaaaaaaaaaaaaaaaaaab"))
        #expect(!Pseudonym.isWellFormed("AAAAAAAAAAAAAAAAAAAAAAAAAA"))
    }
}
