import Batches
import Crypto
import Energy
import NodeAgent
import Testing
import TransparencyLog
import Wire

/// Makes the batches of one chain, right ones and ones that are wrong in one respect.
///
/// A value: a copy goes another way from the same place.
struct BatchMaker: Sendable {
    let enrolment: Enrolment
    /// Place and predecessor of the next batch.
    private(set) var sequence: Int64 = 0
    private(set) var previous: MerkleHash
    /// What its one counter shows.
    private(set) var counter: Int64 = 0

    static let seconds: Int64 = 30
    /// An hour that every batch of a test lies in; 2026-03-01T12:00:00Z.
    static let begin = UTCTime(seconds: 1_772_366_400)

    init(_ enrolment: Enrolment) {
        self.enrolment = enrolment
        previous = enrolment.openingLeaf
    }

    /// What is to be wrong.
    struct Change: Sendable {
        var log: String?
        var node: String?
        var key: SigningKey?
        var skipsPlaces: Int64 = 0
        var previous: MerkleHash?
        var anchor: TreeHead?
        var startsEarlier: Int64 = 0
        /// Microjoules that the counter's line has and the readings behind it have not.
        var surplus: Int64 = 0
        var salt: UInt8 = 7
        var sensors: [SensorFacts]?
        var allocations: [AllocationFacts] = []
        var state = IntervalFacts.State.measured
    }

    /// The next batch; the maker stays where it is.
    func batch(_ change: Change = Change()) throws -> EntryUpload {
        let block = change.sensors == nil ? block.bytes : []
        let commitment = SampleCommitment(
            readings: Int64(self.block.readingCount), byteCount: Int64(block.count),
            sha256: Array(SHA256.hash(data: block)))
        let place = sequence + change.skipsPlaces
        let start = UTCTime(
            microseconds: Self.begin.microseconds + (place * Self.seconds - change.startsEarlier) * 1_000_000)
        let end = UTCTime(microseconds: Self.begin.microseconds + (place + 1) * Self.seconds * 1_000_000)
        let facts = IntervalFacts(
            interval: UTCInterval(start: start, end: end),
            monotonic: MonotonicInterval(
                startNanoseconds: (place * Self.seconds - change.startsEarlier) * 1_000_000_000,
                endNanoseconds: (place + 1) * Self.seconds * 1_000_000_000),
            state: change.state, host: nil, sensors: change.sensors ?? [counterFacts(surplus: change.surplus)],
            allocations: change.allocations)
        let batch = Batch(
            log: change.log ?? enrolment.log, node: change.node ?? enrolment.node,
            position: ChainPosition(incarnation: enrolment.incarnation, sequence: place),
            previous: change.previous ?? previous, anchor: change.anchor, boot: "boot-1",
            clock: ClockState(letter: .synchronised, errorMicroseconds: 1000), facts: facts,
            samples: block.isEmpty ? nil : commitment, salt: Array(repeating: change.salt, count: 16))
        let note = try (change.key ?? enrolment.signingKey).sign(batch.text).bytes
        return EntryUpload(log: enrolment.log, note: note, samples: block)
    }

    /// The log has taken it.
    mutating func advance(past upload: EntryUpload) {
        sequence += 1
        previous = MerkleHash.leaf(of: upload.note)
        counter += Self.advanceMicrojoules
    }

    /// 100 W.
    static let advanceMicrojoules: Int64 = seconds * 100 * 1_000_000

    /// A root counter of its own, for chains without the usual one.
    static func sensor(_ id: String) -> SensorFacts {
        SensorFacts(
            id: id, kind: "nvml", layer: .gpu, within: nil, provenance: .counter, epoch: 0, firstMicrojoules: 0,
            lastMicrojoules: 1, readings: 30, longestGapMilliseconds: 1000, bridgedMilliseconds: 0,
            missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 0, flags: [])
    }

    func counterFacts(surplus: Int64) -> SensorFacts {
        SensorFacts(
            id: "rapl:package-0", kind: "rapl", layer: .package, within: nil, provenance: .counter, epoch: 0,
            firstMicrojoules: counter, lastMicrojoules: counter + Self.advanceMicrojoules + surplus, readings: 3,
            longestGapMilliseconds: 10_000, bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 10_000,
            idlePowerMilliwatts: 0, flags: [])
    }

    private var block: SampleBlock {
        let points = (0...3).map { step in
            SampleBlock.Point(
                offsetNanoseconds: Int64(step) * 10_000_000_000,
                value: counter + Self.advanceMicrojoules * Int64(step) / 3)
        }
        return SampleBlock(series: [SampleBlock.Series(quantity: .counter, points: points)])
    }

    /// A batch whose note has exactly so many bytes: many sensors, with names drawn out to fit.
    func batch(ofBytes bytes: Int) throws -> EntryUpload {
        var lengths = Array(repeating: 40, count: 500)
        func upload() throws -> EntryUpload {
            let sensors = lengths.enumerated().map { index, length in
                let name = "gpu:\(index)-"
                return Self.sensor(name + String(repeating: "x", count: length - name.utf8.count))
            }
            return try batch(Change(sensors: sensors))
        }
        var missing = bytes - (try upload().note.count)
        for index in lengths.indices where missing > 0 {
            let more = min(missing, 80)
            lengths[index] += more
            missing -= more
        }
        let upload = try upload()
        try #require(upload.note.count == bytes)
        return upload
    }
}
