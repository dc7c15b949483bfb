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

    /// What a reader remembers of the batches before decides nothing: the same texts are taken, and for the same
    /// reasons none are.
    @Test(arguments: 0..<60) func whatIsRememberedDecidesNothing(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var recall = BatchRecall()
        var batch = randomBatch(&random)
        for _ in 0..<60 {
            // Another node's, or the next one of the same.
            if random.next() % 8 == 0 { batch = randomBatch(&random) }
            batch.position.sequence += 1
            for index in batch.facts.sensors.indices where random.next() % 3 == 0 {
                batch.facts.sensors[index].lastMicrojoules = Int64(random.next() % 1_000_000_000_000)
                if random.next() % 4 == 0 { batch.facts.sensors[index].readings += 1 }
            }
            for index in batch.facts.allocations.indices where random.next() % 4 == 0 {
                batch.facts.allocations[index].cpuMicroseconds += 1
                batch.facts.allocations[index].rank = Int64(random.next() % 3)
            }
            var text = batch.text
            if random.next() % 2 == 0 {
                text[Int(random.next() % UInt64(text.count))] ^= 1 << UInt8(random.next() % 8)
            }
            // In the middle of others, as bundles hold it.
            let bundle = [0, 1] + text + [UInt8(ascii: "7")]
            let remembered = Result { () throws(NoteSyntaxError) in
                try Batch(text: bundle[2..<2 + text.count], recall: &recall)
            }
            let alone = Result { () throws(NoteSyntaxError) in try Batch(text: text) }
            #expect(remembered == alone, "seed \(seed)")
            #expect(recall.byteCount <= 2 * text.count, "seed \(seed)")
        }
    }

    /// Eight digits are read at once: numbers of every length, and whatever is no digit at every place.
    @Test func numbersOfEveryLengthHaveOneSpelling() throws {
        var random = SeededRandom(seed: 21)
        var batch = randomBatch(&random)
        while batch.facts.sensors.isEmpty { batch = randomBatch(&random) }
        func text(_ number: String) -> [UInt8] {
            batch.facts.sensors[0].lastMicrojoules = 77_777_777_777
            return Array(
                String(decoding: batch.text, as: UTF8.self).replacing(" 77777777777 ", with: " \(number) ").utf8)
        }
        var power: Int64 = 1
        for _ in 1...18 {
            for value in [power - 1, power, power + 1, power * 9 + 8] {
                let read = try Batch(text: text("\(value)")).facts.sensors[0].lastMicrojoules
                #expect(read == value)
            }
            power *= 10
        }
        #expect(try Batch(text: text("\(Int64.max)")).facts.sensors[0].lastMicrojoules == .max)
        for wrong in ["0123456789012", "00", "9223372036854775808", "18446744073709551617", "100000000000000000001"] {
            #expect(throws: NoteSyntaxError.self) { try Batch(text: text(wrong)) }
        }
        for length in 1...19 {
            for place in 0..<length {
                for wrong in "/:\u{0}p" {
                    let digits = String(repeating: "1", count: length)
                    let number = "\(digits.prefix(place))\(wrong)\(digits.suffix(length - place - 1))"
                    #expect(throws: NoteSyntaxError.self) { try Batch(text: text(number)) }
                }
            }
        }
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
