import Energy

/// A ledger as bytes: some ten million hours of a year are to be read back in a moment, so they are packed as
/// differences from the hour before them and not told one by one.
extension Ledger: Codable {
    private enum CodingKeys: CodingKey { case hours, nodes, jobs, lines, coverage, gaps }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(hours, forKey: .hours)
        try container.encode(nodes, forKey: .nodes)
        try container.encode(jobs, forKey: .jobs)
        try container.encode(gaps, forKey: .gaps)
        try container.encode(packedLines, forKey: .lines)
        try container.encode(packedCoverage, forKey: .coverage)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            hours: try container.decode([Int64].self, forKey: .hours),
            nodes: try container.decode([String].self, forKey: .nodes),
            jobs: try container.decode([String].self, forKey: .jobs),
            gaps: try container.decode([Gap].self, forKey: .gaps))
        do {
            try addLines(try container.decode([UInt8].self, forKey: .lines))
            try addCoverage(try container.decode([UInt8].self, forKey: .coverage))
        } catch is PackedIntegerReader.Truncated {
            throw DecodingError.dataCorruptedError(forKey: .lines, in: container, debugDescription: "damaged sums")
        }
    }

    // MARK: Energy

    private var packedLines: [UInt8] {
        var packed = PackedIntegers()
        packed.append(unsigned: UInt64(lines.count))
        for line in lines {
            packed.append(Int64(line.account.code))
            packed.append(line.account.job.flatMap(number(ofKnownJob:)).map(Int64.init) ?? -1)
            for code in [Int64(line.node), Int64(line.provenance.code), Int64(line.boundary.rawValue)] {
                packed.append(code)
            }
            line.pack(into: &packed)
        }
        return packed.bytes
    }

    private mutating func addLines(_ bytes: [UInt8]) throws(PackedIntegerReader.Truncated) {
        var reader = PackedIntegerReader(bytes)
        for _ in 0..<(try reader.count()) {
            let (code, job) = (try reader.next(), try reader.next())
            let (node, provenance, boundary) = (try reader.next(), try reader.next(), try reader.next())
            guard let account = Account(code: Int16(truncatingIfNeeded: code), job: name(ofJob: job)),
                let provenance = Provenance(code: Int16(truncatingIfNeeded: provenance)),
                let boundary = Boundary(rawValue: Int16(truncatingIfNeeded: boundary)),
                nodes.indices.contains(Int(node))
            else { throw PackedIntegerReader.Truncated() }
            append(
                try EnergyLine(
                    account: account, node: Int32(node), provenance: provenance, boundary: boundary, from: &reader,
                    slots: hours.count))
        }
    }

    private func name(ofJob number: Int64) -> String? {
        jobs.indices.contains(Int(number)) ? jobs[Int(number)] : nil
    }

    // MARK: Coverage

    private var packedCoverage: [UInt8] {
        var packed = PackedIntegers()
        packed.append(unsigned: UInt64(coverageLines.count))
        for line in coverageLines {
            packed.append(number(ofKnownJob: line.job).map(Int64.init) ?? -1)
            packed.append(Int64(line.node))
            line.pack(into: &packed)
        }
        return packed.bytes
    }

    private mutating func addCoverage(_ bytes: [UInt8]) throws(PackedIntegerReader.Truncated) {
        var reader = PackedIntegerReader(bytes)
        for _ in 0..<(try reader.count()) {
            let (job, node) = (name(ofJob: try reader.next()), try reader.next())
            guard let job, nodes.indices.contains(Int(node)) else { throw PackedIntegerReader.Truncated() }
            append(try CoverageLine(job: job, node: Int32(node), from: &reader, slots: hours.count))
        }
    }
}

extension EnergyLine {
    fileprivate func pack(into packed: inout PackedIntegers) {
        packed.append(unsigned: UInt64(hours.count))
        var last = Hour(slot: 0)
        for hour in hours {
            packed.append(Int64(hour.slot &- last.slot))
            packed.append(hour.accelerator &- last.accelerator)
            packed.append(hour.cpu &- last.cpu)
            packed.append(hour.dram &- last.dram)
            packed.append(hour.rest &- last.rest)
            packed.append(hour.network &- last.network)
            last = hour
        }
        packed.append(unsigned: UInt64(excess.count))
        for (slot, energy) in excess {
            packed.append(Int64(slot))
            for component in Component.allCases { packed.append(energy[component]) }
        }
    }

    fileprivate init(
        account: Account, node: Int32, provenance: Provenance, boundary: Boundary,
        from reader: inout PackedIntegerReader, slots: Int
    ) throws(PackedIntegerReader.Truncated) {
        let count = try reader.count()
        var hours: [Hour] = []
        hours.reserveCapacity(count)
        var hour = Hour(slot: 0)
        for _ in 0..<count {
            hour.slot = try reader.slot(behind: hour.slot, of: slots)
            hour.accelerator &+= try reader.next()
            hour.cpu &+= try reader.next()
            hour.dram &+= try reader.next()
            hour.rest &+= try reader.next()
            hour.network &+= try reader.next()
            hours.append(hour)
        }
        var excess: [Int32: ComponentEnergy] = [:]
        for _ in 0..<(try reader.count()) {
            let slot = try reader.slot(behind: 0, of: slots)
            var energy = ComponentEnergy()
            for component in Component.allCases { energy[component] = try reader.wide() }
            excess[slot] = energy
        }
        self.init(
            account: account, node: node, provenance: provenance, boundary: boundary, hours: hours, excess: excess)
    }
}

extension CoverageLine {
    fileprivate func pack(into packed: inout PackedIntegers) {
        packed.append(unsigned: UInt64(hours.count))
        var last = Hour(
            slot: 0,
            sum: Ledger.Coverage(
                measuredMilliseconds: 0, bridgedMilliseconds: 0,
                hold: UTCInterval(start: UTCTime(microseconds: 0), end: UTCTime(microseconds: 0))))
        for hour in hours {
            packed.append(Int64(hour.slot &- last.slot))
            packed.append(hour.sum.measuredMilliseconds &- last.sum.measuredMilliseconds)
            packed.append(hour.sum.bridgedMilliseconds &- last.sum.bridgedMilliseconds)
            packed.append(hour.sum.hold.start.microseconds &- last.sum.hold.end.microseconds)
            packed.append(hour.sum.hold.end.microseconds &- hour.sum.hold.start.microseconds)
            last = hour
        }
    }

    fileprivate init(
        job: String, node: Int32, from reader: inout PackedIntegerReader, slots: Int
    ) throws(PackedIntegerReader.Truncated) {
        let count = try reader.count()
        var hours: [Hour] = []
        hours.reserveCapacity(count)
        var (slot, measured, bridged, end) = (Int32(0), Int64(0), Int64(0), Int64(0))
        for _ in 0..<count {
            slot = try reader.slot(behind: slot, of: slots)
            measured &+= try reader.next()
            bridged &+= try reader.next()
            let start = end &+ (try reader.next())
            end = start &+ (try reader.next())
            hours.append(
                Hour(
                    slot: slot,
                    sum: Ledger.Coverage(
                        measuredMilliseconds: measured, bridgedMilliseconds: bridged,
                        hold: UTCInterval(start: UTCTime(microseconds: start), end: UTCTime(microseconds: end)))))
        }
        self.init(job: job, node: node, hours: hours)
    }
}

extension PackedIntegerReader {
    fileprivate mutating func slot(behind last: Int32, of count: Int) throws(Truncated) -> Int32 {
        let slot = Int64(last) &+ (try next())
        guard slot >= 0, slot < count else { throw Truncated() }
        return Int32(slot)
    }
}
