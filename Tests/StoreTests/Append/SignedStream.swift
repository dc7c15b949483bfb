import SeededRandom

@testable import Store

/// What one node signed, honestly or not: batches that could be sent, in any order and more than once.
struct SignedStream {
    let node: Int32
    let incarnation: Int64
    /// The honest chain.
    private(set) var chain: [AppendRow] = []

    init(node: Int32, incarnation: Int64, opening: [UInt8], length: Int, using generator: inout SeededRandom) {
        self.node = node
        self.incarnation = incarnation
        var previous = opening
        for seq in 0..<length {
            let row = Self.row(node, incarnation, Int64(seq), previous, &generator)
            previous = row.leaf
            chain.append(row)
        }
    }

    static func row(
        _ node: Int32, _ incarnation: Int64, _ seq: Int64, _ previous: [UInt8], _ generator: inout SeededRandom
    ) -> AppendRow {
        let leaf = generator.bytes(32)
        return AppendRow(
            kind: .batch, link: .init(node: node, incarnation: incarnation, seq: seq, previous: previous), leaf: leaf,
            note: leaf + generator.bytes(8), samples: Bool.random(using: &generator) ? leaf : nil,
            postings: (0..<Int.random(in: 0...3, using: &generator)).map { _ in posting(node, &generator) },
            coverage: (0..<Int.random(in: 0...2, using: &generator)).map { _ in
                Coverage(
                    node: node, job: .random(in: 1...3, using: &generator), hour: .random(in: 0...2, using: &generator),
                    measuredMilliseconds: .random(in: 0...9_000, using: &generator),
                    bridgedMilliseconds: .random(in: 0...9_000, using: &generator),
                    missingMilliseconds: .random(in: 0...9_000, using: &generator))
            },
            gaps: (0..<Int.random(in: 0...2, using: &generator)).map { _ in
                Gap(node: node, job: 0, fromMicroseconds: 5, toMicroseconds: 6, kind: 1)
            })
    }

    static func posting(_ node: Int32, _ generator: inout SeededRandom) -> Posting {
        func some(_ range: ClosedRange<Int16>) -> Int16 { .random(in: range, using: &generator) }
        let hour = Int32(some(0...2))
        return Posting(
            node: node, job: Int64(some(0...3)), account: AccountCode.allCases.randomElement(using: &generator) ?? .job,
            hour: hour, minute: hour * 60 + Int32(some(0...2)), site: some(0...1),
            quality: EnergyQuality(provenance: some(0...1), boundary: some(0...1), rule: 1),
            energy: ComponentEnergy(
                accelerator: .random(in: -1_000...1_000_000_000, using: &generator), cpu: Int64(some(0...500)),
                dram: Int64(some(0...500)), rest: Int64(some(-50...500)), network: Int64(some(0...5))))
    }

    /// A few rows from around `head`, sometimes told twice, out of order, with holes, or forged.
    func rows(around head: Int, dishonest: Bool, using generator: inout SeededRandom) -> [AppendRow] {
        var start = head
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<3: start = max(0, head - Int.random(in: 0...4, using: &generator))  // sent again
        case 3: start = head + 1  // a hole
        default: break
        }
        start = min(start, chain.count)
        let end = min(chain.count, start + Int.random(in: 1...6, using: &generator))
        var rows = Array(chain[start..<end])
        if Int.random(in: 0..<6, using: &generator) == 0, let row = rows.randomElement(using: &generator) {
            rows.insert(row, at: Int.random(in: 0...rows.count, using: &generator))
        }
        if Int.random(in: 0..<12, using: &generator) == 0 { rows.shuffle(using: &generator) }
        if dishonest { forge(&rows, &generator) }
        return rows
    }

    /// Another note for a seq, or a note that names another predecessor.
    private func forge(_ rows: inout [AppendRow], _ generator: inout SeededRandom) {
        guard Int.random(in: 0..<8, using: &generator) == 0, let number = rows.indices.randomElement(using: &generator),
            let link = rows[number].link
        else { return }
        let previous = Bool.random(using: &generator) ? link.previous : generator.bytes(32)
        let forged = Self.row(node, incarnation, link.seq, previous, &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: rows[number] = forged
        case 1: rows.insert(forged, at: number)
        default: rows.insert(forged, at: .random(in: number + 1...rows.count, using: &generator))
        }
    }
}
