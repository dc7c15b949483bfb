import Energy
import TransparencyLog

extension Batch {
    /// The text that is signed. Fields, order and bounds: proto/batch.md.
    package var text: [UInt8] {
        var writer = LineWriter()
        if home == nil { writer.version("wattest/batch/v1") } else { writer.version("wattest/extract/v1") }
        writer.line("log") { $0.field(log) }
        writer.line("node") { $0.field(node) }
        writer.line("chain") {
            $0.field(position.incarnation)
            $0.field(position.sequence)
        }
        writer.line("prev") { $0.base64(previous.bytes) }
        if let home {
            writer.line("home") {
                $0.field(home.log)
                $0.field(home.position.incarnation)
                $0.field(home.position.sequence)
                $0.base64(home.leaf.bytes)
            }
        }
        writer.line("anchor") { $0.anchor(anchor) }
        writer.line("boot") { $0.field(boot) }
        writer.line("clock") {
            $0.field(clock.letter.rawValue)
            $0.field(clock.errorMicroseconds)
        }
        writer.line("interval") {
            $0.field(facts.interval.start.microseconds)
            $0.field(facts.interval.end.microseconds)
        }
        writer.line("mono") { writer in
            guard let monotonic = facts.monotonic else { return writer.nothing() }
            writer.field(monotonic.startNanoseconds)
            writer.field(monotonic.endNanoseconds)
        }
        writer.line("method") { $0.field(method) }
        writer.line("state") { $0.field(facts.state.rawValue) }
        writer.line("host") { writer in
            guard let host = facts.host else { return writer.nothing() }
            writer.field(host.millicores)
            writer.field(host.unheldCPUMicroseconds)
        }
        for sensor in facts.sensors { writer.sensor(sensor) }
        for allocation in facts.allocations { writer.allocation(allocation) }
        if let others = facts.others {
            writer.line("others") {
                $0.field(others.reservedMillicores)
                $0.field(others.cpuMicroseconds)
                $0.devices(others.devices)
            }
        }
        writer.line("samples") { writer in
            guard let samples else { return writer.nothing() }
            writer.field(samples.readings)
            writer.field(samples.byteCount)
            writer.base64(samples.sha256)
        }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    /// Parses the text of a batch note.
    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var recall = BatchRecall()
        try self.init(text: text[...], recall: &recall)
    }

    /// Parses the text of a batch note and shares what it has in common with those parsed before.
    package init(text: ArraySlice<UInt8>, recall: inout BatchRecall) throws(NoteSyntaxError) {
        // Handed over and back, never copied: one batch's memory has many parts.
        var remembered = BatchRecall()
        swap(&remembered, &recall)
        var reader = LineReader(text, recall: consume remembered)
        defer {
            swap(&recall, &reader.recall)
            recall.tidy(after: text)
        }
        let isExtract = text.starts(with: Self.extractOpening)
        if isExtract { try reader.version("wattest/extract/v1") } else { try reader.version("wattest/batch/v1") }
        log = try reader.recalledLine("log", .log, maximumBytes: 255)
        node = try reader.nameLine("node")
        position = try reader.chainLine()
        previous = try reader.hashLine("prev")
        home = isExtract ? try reader.homeLine() : nil
        anchor = try reader.anchorLine()
        try reader.begin("boot")
        boot = reader.takeNothing() ? nil : try reader.recalledName("boot id", .boot)
        try reader.endLine()
        clock = try reader.clockLine()
        let interval = try reader.intervalLine()
        let monotonic = try reader.monotonicLine()
        method = try reader.recalledLine("method", .method, maximumBytes: 32)
        let state = try reader.stateLine()
        let host = try reader.hostLine()
        let sensors = try reader.sensorLines()
        let allocations = try reader.allocationLines()
        let others = try reader.othersLine()
        if isExtract { try reader.check(extract: allocations, others) }
        facts = IntervalFacts(
            interval: interval, monotonic: monotonic, state: state, host: host, sensors: sensors,
            allocations: allocations, others: others)
        samples = try reader.samplesLine()
        salt = try reader.saltLine()
        try reader.endText()
    }

    private static let extractOpening = Array("wattest/extract/v1\n".utf8)

    /// The same number for every batch of a node, by the third line of its text, so that what is remembered of the node
    /// can help to read it. It decides nothing: two nodes may have one, and so may whatever is no batch.
    package static func nodeMark(of text: ArraySlice<UInt8>) -> UInt64 {
        let text = text.span
        var mark: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        var line = 1
        for index in text.indices {
            if text[index] == UInt8(ascii: "\n") {
                if line == 3 { break }
                line += 1
            } else if line == 3 {
                mark = (mark ^ UInt64(text[index])) &* 0x100_0000_01B3
            }
        }
        return mark
    }
}

extension LineWriter {
    mutating func anchor(_ anchor: TreeHead?) {
        guard let anchor else { return nothing() }
        field(Int64(clamping: anchor.size))
        base64(anchor.root.bytes)
    }

    mutating func sensor(_ sensor: SensorFacts) {
        line("sensor") {
            $0.field(sensor.id)
            $0.field(sensor.kind)
            $0.field(sensor.layer.rawValue)
            $0.field(sensor.within)
            $0.field(sensor.provenance.rawValue)
            $0.field(sensor.epoch)
            $0.field(sensor.firstMicrojoules)
            $0.field(sensor.lastMicrojoules)
            $0.field(sensor.readings)
            $0.field(sensor.longestGapMilliseconds)
            $0.field(sensor.bridgedMilliseconds)
            $0.field(sensor.missingMilliseconds)
            $0.field(sensor.periodMilliseconds)
            $0.field(sensor.idlePowerMilliwatts)
            $0.flags(sensor.flags)
        }
    }

    private mutating func flags(_ flags: SensorFlags) {
        if flags.isEmpty { return nothing() }
        field(SensorFlags.words.filter { flags.contains($0.flag) }.map(\.word).joined(separator: ","))
    }

    mutating func allocation(_ allocation: AllocationFacts) {
        line("alloc") {
            $0.field(allocation.job)
            $0.field(allocation.mode.rawValue)
            $0.devices(allocation.devices)
            $0.field(allocation.cpuMicroseconds)
            $0.field(allocation.reservedMillicores)
            $0.field(allocation.heldNanoseconds)
            $0.field(allocation.expectedNodes)
            $0.field(allocation.rank)
            $0.field(allocation.since.microseconds)
            $0.field(allocation.isActive ? Int64(1) : 0)
        }
    }

    mutating func devices(_ devices: [DeviceHold]) {
        if devices.isEmpty { return nothing() }
        let words = devices.map { hold in hold.weight.map { "\(hold.sensor)=\($0)" } ?? hold.sensor }
        field(words.joined(separator: ","))
    }
}

extension LineReader {
    mutating func recalledName(
        _ what: StaticString, _ place: BatchRecall.Name, maximumBytes: Int = 128
    ) throws(NoteSyntaxError) -> String {
        if let name = take(recall[place]) { return name }
        let start = position
        let name = try name(what, maximumBytes: maximumBytes)
        recall[place] = keep(name, from: start, insteadOf: recall[place])
        return name
    }

    mutating func recalledLine(
        _ keyword: StaticString, _ place: BatchRecall.Name, maximumBytes: Int
    ) throws(NoteSyntaxError) -> String {
        try begin(keyword)
        let name = try recalledName(keyword, place, maximumBytes: maximumBytes)
        try endLine()
        return name
    }

    mutating func nameLine(_ keyword: StaticString, maximumBytes: Int = 128) throws(NoteSyntaxError) -> String {
        try begin(keyword)
        let name = try name(keyword, maximumBytes: maximumBytes)
        try endLine()
        return name
    }

    mutating func chainLine() throws(NoteSyntaxError) -> ChainPosition {
        try begin("chain")
        let position = ChainPosition(incarnation: try integer("incarnation"), sequence: try integer("seq"))
        try endLine()
        return position
    }

    mutating func homeLine() throws(NoteSyntaxError) -> HomeBatch {
        try begin("home")
        let home = HomeBatch(
            log: try name("home log", maximumBytes: 255),
            position: ChainPosition(incarnation: try integer("incarnation"), sequence: try integer("seq")),
            leaf: try hash("home batch"))
        try endLine()
        return home
    }

    /// An extract is for somebody, and says how much the others are, even if that is nothing.
    func check(extract allocations: [AllocationFacts], _ others: OtherTenants?) throws(NoteSyntaxError) {
        guard others != nil else { throw failure("'others …'") }
        guard !allocations.isEmpty, allocations.allSatisfy({ $0.mode != .tenant }) else {
            throw failure("allocations of the tenant alone in an extract")
        }
    }

    mutating func hashLine(_ keyword: StaticString) throws(NoteSyntaxError) -> MerkleHash {
        try begin(keyword)
        let hash = try hash(keyword)
        try endLine()
        return hash
    }

    mutating func hash(_ what: StaticString) throws(NoteSyntaxError) -> MerkleHash {
        guard let hash = takeHash() else { throw failure("\(what), base64 of 32 bytes") }
        return hash
    }

    mutating func anchorLine() throws(NoteSyntaxError) -> TreeHead? {
        try begin("anchor")
        guard !takeNothing() else {
            try endLine()
            return nil
        }
        let anchor = try recalledAnchor()
        try endLine()
        return anchor
    }

    /// Batches name one anchor until their nodes see the next checkpoint.
    private mutating func recalledAnchor() throws(NoteSyntaxError) -> TreeHead {
        if let anchor = take(recall.anchor) { return anchor }
        let start = position
        let anchor = TreeHead(size: UInt64(try integer("anchor size")), root: try hash("anchor root"))
        recall.anchor = keep(anchor, from: start, insteadOf: recall.anchor)
        return anchor
    }

    mutating func clockLine() throws(NoteSyntaxError) -> ClockState {
        try begin("clock")
        let clock = try clock()
        try endLine()
        return clock
    }

    private mutating func clock() throws(NoteSyntaxError) -> ClockState {
        if let clock = take(recall.clock) { return clock }
        let start = position
        let clock = ClockState(
            letter: try word("clock state", of: ClockState.Letter.self),
            errorMicroseconds: takeNothing() ? nil : try integer("clock error"))
        recall.clock = keep(clock, from: start, insteadOf: recall.clock)
        return clock
    }

    mutating func stateLine() throws(NoteSyntaxError) -> IntervalFacts.State {
        try begin("state")
        let state = try state()
        try endLine()
        return state
    }

    private mutating func state() throws(NoteSyntaxError) -> IntervalFacts.State {
        if let state = take(recall.state) { return state }
        let start = position
        let state = try word("state", of: IntervalFacts.State.self)
        recall.state = keep(state, from: start, insteadOf: recall.state)
        return state
    }

    mutating func intervalLine() throws(NoteSyntaxError) -> UTCInterval {
        try begin("interval")
        let start = UTCTime(microseconds: try integer("start of the interval"))
        let end = UTCTime(microseconds: try integer("end of the interval"))
        try endLine()
        return UTCInterval(start: start, end: end)
    }

    mutating func monotonicLine() throws(NoteSyntaxError) -> MonotonicInterval? {
        try begin("mono")
        guard !takeNothing() else {
            try endLine()
            return nil
        }
        let start = try integer("monotonic start")
        let end = try integer("monotonic end")
        try endLine()
        return MonotonicInterval(startNanoseconds: start, endNanoseconds: end)
    }

    mutating func hostLine() throws(NoteSyntaxError) -> HostFacts? {
        try begin("host")
        guard !takeNothing() else {
            try endLine()
            return nil
        }
        let host = HostFacts(
            millicores: try integer("millicores"), unheldCPUMicroseconds: try integer("unheld CPU time"))
        try endLine()
        return host
    }

    mutating func sensorLines() throws(NoteSyntaxError) -> [SensorFacts] {
        var sensors: [SensorFacts] = []
        sensors.reserveCapacity(recall.sensors.count)
        while takesKeyword("sensor") {
            guard sensors.count < Batch.maximumSensors else { throw failure("at most 512 sensors") }
            sensors.append(try sensor(number: sensors.count))
            try endLine()
        }
        return sensors
    }

    private mutating func sensor(number: Int) throws(NoteSyntaxError) -> SensorFacts {
        let identity = try sensorIdentity(number: number)
        let epoch = try integer("epoch")
        let first = try signedInteger("first value")
        let last = try signedInteger("last value")
        let terms = try sensorTerms(number: number)
        return SensorFacts(
            identity: identity, epoch: epoch, firstMicrojoules: first, lastMicrojoules: last, readings: terms.readings,
            longestGapMilliseconds: terms.longestGapMilliseconds, bridgedMilliseconds: terms.bridgedMilliseconds,
            missingMilliseconds: terms.missingMilliseconds, periodMilliseconds: terms.periodMilliseconds,
            idlePowerMilliwatts: terms.idlePowerMilliwatts, flags: terms.flags)
    }

    /// The fields that stay from batch to batch: taken over when they are those of the same line before.
    private mutating func sensorIdentity(number: Int) throws(NoteSyntaxError) -> SensorIdentity {
        if let identity = take(recall.sensors, at: number) { return identity }
        let start = position
        let identity = SensorIdentity(
            id: try name("sensor id"), kind: try name("sensor kind", maximumBytes: 32),
            layer: try word("layer", of: Layer.self),
            within: takeNothing() ? nil : try name("containing sensor"),
            provenance: try word("provenance", of: Provenance.self))
        let kept = keep(identity, from: start, insteadOf: BatchRecall.kept(in: recall.sensors, at: number))
        BatchRecall.keep(kept, in: &recall.sensors, at: number)
        return identity
    }

    /// Where every reading comes in time, these stay as well.
    private mutating func sensorTerms(number: Int) throws(NoteSyntaxError) -> BatchRecall.SensorTerms {
        if let terms = take(recall.sensorTerms, at: number) { return terms }
        let start = position
        let terms = BatchRecall.SensorTerms(
            readings: try integer("readings"), longestGapMilliseconds: try integer("longest gap"),
            bridgedMilliseconds: try integer("bridged time"), missingMilliseconds: try integer("missing time"),
            periodMilliseconds: try integer("period"), idlePowerMilliwatts: try integer("idle power"),
            flags: try flags())
        let kept = keep(terms, from: start, insteadOf: BatchRecall.kept(in: recall.sensorTerms, at: number))
        BatchRecall.keep(kept, in: &recall.sensorTerms, at: number)
        return terms
    }

    private mutating func flags() throws(NoteSyntaxError) -> SensorFlags {
        var flags = SensorFlags(rawValue: 0)
        if takeNothing() { return flags }
        var words = SensorFlags.words[...]
        for text in try list("flags") {
            // Only forwards through the fixed order, so that one set of flags has one spelling.
            guard let index = words.firstIndex(where: { $0.word == text }) else {
                throw failure("flags out of \(SensorFlags.words.map(\.word).joined(separator: ",")), in this order")
            }
            flags.insert(words[index].flag)
            words = words[(index + 1)...]
        }
        return flags
    }

    mutating func allocationLines() throws(NoteSyntaxError) -> [AllocationFacts] {
        var allocations: [AllocationFacts] = []
        allocations.reserveCapacity(recall.holds.count)
        while takesKeyword("alloc") {
            guard allocations.count < Batch.maximumAllocations else { throw failure("at most 256 allocations") }
            allocations.append(try allocation(number: allocations.count))
            try endLine()
        }
        return allocations
    }

    private mutating func hold(number: Int) throws(NoteSyntaxError) -> BatchRecall.Hold {
        if let hold = take(recall.holds, at: number) { return hold }
        let start = position
        let hold = BatchRecall.Hold(
            job: try pseudonym("job pseudonym"), mode: try word("mode", of: AllocationFacts.Mode.self),
            devices: try devices(maximumCount: Batch.maximumDevicesPerAllocation))
        let kept = keep(hold, from: start, insteadOf: BatchRecall.kept(in: recall.holds, at: number))
        BatchRecall.keep(kept, in: &recall.holds, at: number)
        return hold
    }

    private mutating func holdTerms(number: Int) throws(NoteSyntaxError) -> BatchRecall.HoldTerms {
        if let terms = take(recall.holdTerms, at: number) { return terms }
        let start = position
        let terms = BatchRecall.HoldTerms(
            reservedMillicores: try integer("reserved millicores"),
            heldNanoseconds: takeNothing() ? nil : try integer("held time"),
            expectedNodes: takeNothing() ? nil : try integer("expected nodes"),
            rank: takeNothing() ? nil : try integer("rank"),
            since: UTCTime(microseconds: try integer("start of the hold")), isActive: try boolean("active"))
        let kept = keep(terms, from: start, insteadOf: BatchRecall.kept(in: recall.holdTerms, at: number))
        BatchRecall.keep(kept, in: &recall.holdTerms, at: number)
        return terms
    }

    private mutating func allocation(number: Int) throws(NoteSyntaxError) -> AllocationFacts {
        let hold = try hold(number: number)
        let time = try integer("CPU time")
        let terms = try holdTerms(number: number)
        return AllocationFacts(
            job: hold.job, mode: hold.mode, devices: hold.devices, cpuMicroseconds: time,
            reservedMillicores: terms.reservedMillicores, heldNanoseconds: terms.heldNanoseconds,
            expectedNodes: terms.expectedNodes, rank: terms.rank, since: terms.since, isActive: terms.isActive)
    }

    mutating func pseudonym(_ what: StaticString) throws(NoteSyntaxError) -> String {
        let text = try name(what, maximumBytes: 26)
        guard Pseudonym.isWellFormed(text) else { throw failure("\(what), 26 characters of base32") }
        return text
    }

    mutating func boolean(_ what: StaticString) throws(NoteSyntaxError) -> Bool {
        let value = try integer(what)
        guard value <= 1 else { throw failure("\(what), 0 or 1") }
        return value == 1
    }

    mutating func othersLine() throws(NoteSyntaxError) -> OtherTenants? {
        guard startsLine("others") else { return nil }
        try begin("others")
        let others = OtherTenants(
            reservedMillicores: try integer("reserved millicores"), cpuMicroseconds: try integer("CPU time"),
            devices: try devices(maximumCount: Batch.maximumDevicesPerAllocation))
        try endLine()
        return others
    }

    mutating func samplesLine() throws(NoteSyntaxError) -> SampleCommitment? {
        try begin("samples")
        guard !takeNothing() else {
            try endLine()
            return nil
        }
        let samples = SampleCommitment(
            readings: try integer("readings"), byteCount: try integer("bytes"),
            sha256: try base64("sample block's SHA-256", count: 32))
        guard (1...Int64(SampleBlock.maximumByteCount)).contains(samples.byteCount) else {
            throw failure("a sample block of 1 to \(SampleBlock.maximumByteCount) bytes")
        }
        try endLine()
        return samples
    }

    mutating func saltLine() throws(NoteSyntaxError) -> [UInt8] {
        try begin("salt")
        let salt = try base64("salt", count: 16)
        try endLine()
        return salt
    }
}
