package import Energy

/// The sums of postings: who drew how much, on which node, in which hour.
///
/// Addition is commutative and associative, so the ledger does not depend on the order in which batches arrive. The
/// aggregator keeps it as the folds of its database, the auditor in memory.
package struct Ledger: Sendable, Hashable {
    package struct Key: Sendable, Hashable {
        package var account: Account
        package var node: String
        package var hour: Int64
        package var provenance: Provenance
        package var boundary: Boundary

        package init(account: Account, node: String, hour: Int64, provenance: Provenance, boundary: Boundary) {
            self.account = account
            self.node = node
            self.hour = hour
            self.provenance = provenance
            self.boundary = boundary
        }
    }

    package struct Coverage: Sendable, Hashable {
        package var measuredMilliseconds: Int64
        package var bridgedMilliseconds: Int64

        /// The earliest start and latest end at which batches of the hour show the hold.
        package var hold: UTCInterval

        package init(measuredMilliseconds: Int64, bridgedMilliseconds: Int64, hold: UTCInterval) {
            self.measuredMilliseconds = measuredMilliseconds
            self.bridgedMilliseconds = bridgedMilliseconds
            self.hold = hold
        }

        package mutating func add(_ other: Coverage) {
            measuredMilliseconds += other.measuredMilliseconds
            bridgedMilliseconds += other.bridgedMilliseconds
            hold.start = min(hold.start, other.hold.start)
            hold.end = max(hold.end, other.hold.end)
        }
    }

    package struct CoverageKey: Sendable, Hashable {
        package var job: String
        package var node: String
        package var hour: Int64

        package init(job: String, node: String, hour: Int64) {
            self.job = job
            self.node = node
            self.hour = hour
        }
    }

    package struct Gap: Sendable, Hashable {
        package var node: String
        package var span: GapSpan
        /// Log index of the batch that shows it.
        package var index: Int64

        package init(node: String, span: GapSpan, index: Int64) {
            self.node = node
            self.span = span
            self.index = index
        }
    }

    package private(set) var energy: [Key: ComponentEnergy] = [:]
    package private(set) var coverage: [CoverageKey: Coverage] = [:]
    package private(set) var gaps: [Gap] = []

    package init() {}

    package mutating func add(_ batch: BatchPostings, node: String, index: Int64) {
        for posting in batch.postings {
            let key = Key(
                account: posting.account, node: node, hour: posting.hour, provenance: posting.provenance,
                boundary: posting.boundary)
            energy[key, default: ComponentEnergy()][posting.component] += Int128(posting.microjoules)
        }
        for span in batch.coverage {
            let key = CoverageKey(job: span.job, node: node, hour: span.hour)
            add(
                Coverage(
                    measuredMilliseconds: span.measuredMilliseconds, bridgedMilliseconds: span.bridgedMilliseconds,
                    hold: span.interval),
                at: key)
        }
        for span in batch.gaps { gaps.append(Gap(node: node, span: span, index: index)) }
    }

    /// Adds a stored sum, as the folds of the database hold it.
    package mutating func add(_ sum: ComponentEnergy, at key: Key) {
        energy[key, default: ComponentEnergy()].add(sum)
    }

    package mutating func add(_ sum: Coverage, at key: CoverageKey) {
        guard coverage[key] != nil else {
            coverage[key] = sum
            return
        }
        coverage[key]?.add(sum)
    }

    package mutating func add(_ gap: Gap) { gaps.append(gap) }

    package var totalMicrojoules: Int128 { energy.values.reduce(0) { $0 + $1.total } }
}

/// Microjoules by component.
package struct ComponentEnergy: Sendable, Hashable {
    private var values: [Int128]

    package init() { values = Array(repeating: 0, count: Component.allCases.count) }

    package subscript(component: Component) -> Int128 {
        get { values[component.rawValue] }
        set { values[component.rawValue] = newValue }
    }

    package mutating func add(_ other: ComponentEnergy) {
        for component in Component.allCases { self[component] += other[component] }
    }

    package var total: Int128 { values.reduce(0, +) }
}
