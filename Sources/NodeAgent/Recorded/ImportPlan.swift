import Batches
import Crypto
package import Energy
package import TransparencyLog

/// Everything that an import will say, as a pure function of the files, the settings and the signer.
///
/// Times and salts are derived, anchors are absent: an import that is repeated, also by a second process at the same
/// time, signs the same bytes, and the log takes the second for a repetition of the first.
package struct ImportPlan: Sendable {
    package struct Chain: Sendable {
        package var source: RecordedSource
        package var opening: SignedEntry
        package var intervals: RecordedIntervals
        package var batchCount: Int64
        package var readingCount: Int64
        /// Energy of the whole file, and of its part that the job holds.
        package var energyMicrojoules: Int128
        package var jobEnergyMicrojoules: Int128
    }

    package let log: String
    package let key: SigningKey
    package let seed: ImportSeed
    package let job: SignedEntry
    package let chains: [Chain]

    /// - Parameter jobSalt: the log's salt for pseudonyms.
    package init(
        sources: [RecordedSource], settings: ImportSettings, log: String, jobSalt: [UInt8], key: SigningKey
    ) throws(AgentError) {
        try settings.check()
        self.log = log
        self.key = key
        do {
            seed = try ImportSeed(key)
            let record = JobRecord(key: settings.job, salt: jobSalt, labels: settings.labels)
            let filled = try Self.spread(sources, settings)
            var chains: [Chain] = []
            for source in filled {
                chains.append(
                    try Self.chain(source, job: record.pseudonym, settings, log: log, key: key, seed: seed))
            }
            self.chains = chains
            job = try Self.jobEntry(record, chains, settings, log: log, key: key, seed: seed)
        } catch let error as AgentError {
            throw error
        } catch {
            throw AgentError(.file, "the signing key of \(key.name) cannot sign: \(error)")
        }
    }

    /// Gives constant estimates the window over which they hold.
    private static func spread(
        _ sources: [RecordedSource], _ settings: ImportSettings
    ) throws(AgentError) -> [RecordedSource] {
        let measured = sources.filter { !$0.isConstantEstimate }
        let starts = measured.compactMap { $0.readings.first?.monotonicNanoseconds }
        let stops = measured.compactMap { $0.readings.last?.monotonicNanoseconds }
        let start = settings.start?.nanoseconds ?? starts.min()
        let stop = settings.stop?.nanoseconds ?? stops.max()
        var filled: [RecordedSource] = []
        for source in sources {
            var source = source
            if source.isConstantEstimate {
                guard let start, let stop, start < stop, let value = source.readings.last?.value else {
                    throw AgentError(
                        .usage,
                        "\(source.path): a constant estimate needs a window; "
                            + "give --start and --stop, or import it together "
                            + "with the logs of the nodes")
                }
                source.readings = [start, stop].map { Reading(monotonicNanoseconds: $0, value: value) }
                let period = max(1, (stop - start) / 1_000_000)
                source.sensor.periodMilliseconds = period
                source.sensor.refreshMilliseconds = period
            }
            filled.append(source)
        }
        return filled
    }

    private static func chain(
        _ source: RecordedSource, job: String, _ settings: ImportSettings, log: String, key: SigningKey,
        seed: ImportSeed
    ) throws -> Chain {
        let intervals = RecordedIntervals(
            sensor: source.sensor, readings: source.readings, job: job, window: (settings.start, settings.stop),
            expectedNodes: settings.expectedNodes, intervalSeconds: settings.intervalSeconds,
            wasReordered: source.wasReordered)
        guard let extent = intervals.extent else {
            throw AgentError(.input, "\(source.path): fewer than two readings at different times; nothing to import")
        }
        let entry = ImportEntry(
            log: log, time: extent.end, subject: source.subject, node: source.node, sensor: source.sensor.id, job: job,
            fileSHA256: source.fileSHA256, fileByteCount: source.fileByteCount, format: source.format,
            integration: source.integration, start: settings.start, stop: settings.stop, anchor: nil,
            salt: seed.salt(source.fileSHA256 + Array("\(source.node) \(source.sensor.id) \(job)".utf8)))
        let opening = SignedEntry(position: nil, note: try key.sign(entry.text).bytes, samples: [])
        var chain = Chain(
            source: source, opening: opening, intervals: intervals, batchCount: 0,
            readingCount: Int64(source.readings.count), energyMicrojoules: 0, jobEnergyMicrojoules: 0)
        for interval in intervals {
            let advance = interval.facts.sensors.reduce(0) { $0 + $1.advanceMicrojoules }
            chain.batchCount += 1
            chain.energyMicrojoules += advance
            if !interval.facts.allocations.isEmpty { chain.jobEnergyMicrojoules += advance }
        }
        return chain
    }

    private static func jobEntry(
        _ record: JobRecord, _ chains: [Chain], _ settings: ImportSettings, log: String, key: SigningKey,
        seed: ImportSeed
    ) throws -> SignedEntry {
        let last = chains.compactMap { $0.intervals.extent?.end }.max()
        let entry = JobEntry(
            log: log, time: settings.stop ?? settings.start ?? last ?? UTCTime(microseconds: 0),
            event: settings.stop != nil ? .end : settings.start != nil ? .start : .update, job: record.pseudonym,
            attempt: 0, witness: .importer, by: key.name, start: settings.start, stop: settings.stop,
            expectedNodes: settings.expectedNodes, nodes: [], recordSHA256: record.sha256,
            salt: seed.salt(record.sha256))
        return SignedEntry(position: nil, note: try key.sign(entry.text).bytes, samples: record.text)
    }

    /// The batches of a chain, from its first.
    package func batches(of chain: Int, incarnation: Int64) -> BatchSequence {
        let source = chains[chain]
        let writer = ChainWriter(
            log: log, node: source.source.node, incarnation: incarnation, nextSequence: 0,
            previous: source.opening.leaf,
            key: key)
        return BatchSequence(
            intervals: source.intervals.makeIterator(), writer: writer, seed: seed, opening: source.opening.leaf)
    }

    package struct BatchSequence: Sendable {
        private var intervals: RecordedIntervals.Iterator
        private var writer: ChainWriter
        private let seed: ImportSeed
        private let opening: MerkleHash

        fileprivate init(
            intervals: RecordedIntervals.Iterator, writer: ChainWriter, seed: ImportSeed, opening: MerkleHash
        ) {
            self.intervals = intervals
            self.writer = writer
            self.seed = seed
            self.opening = opening
        }

        /// - Returns: the next batch and the end of its interval, nil after the last.
        package mutating func next() throws(TransparencyLogError) -> (entry: SignedEntry, end: UTCTime)? {
            guard let interval = intervals.next() else { return nil }
            let sequence = writer.nextSequence
            let entry = try writer.sign(
                interval.facts, samples: interval.samples, anchor: nil, boot: nil,
                clock: ClockState(letter: .unknown, errorMicroseconds: nil),
                salt: seed.salt(opening.bytes + Array("\(sequence)".utf8)))
            return (entry, interval.facts.interval.end)
        }
    }
}

/// Salts that only the signer can make, and makes again: a leaf hash stays as hard to guess as with random salts.
package struct ImportSeed: Sendable {
    private let secret: [UInt8]

    /// Derived from an Ed25519 signature, which is deterministic (RFC 8032), over words that no note can begin with.
    package init(_ key: SigningKey) throws(TransparencyLogError) {
        let signature = try key.rawSignature(for: [0xFF] + Array("wattest/import-salt/1\n".utf8))
        secret = Array(SHA256.hash(data: signature))
    }

    /// 16 bytes.
    package func salt(_ context: [UInt8]) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(data: secret)
        hasher.update(data: context)
        return Array(hasher.finalize().prefix(16))
    }
}
