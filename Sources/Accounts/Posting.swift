package import Energy

/// One entry of the double entry: so many microjoules of one batch to one account.
package struct Posting: Sendable, Hashable {
    package var account: Account
    package var component: Component
    package var provenance: Provenance
    package var boundary: Boundary
    /// Hours since 1970.
    package var hour: Int64
    package var microjoules: Int64

    package init(
        account: Account, component: Component, provenance: Provenance, boundary: Boundary, hour: Int64,
        microjoules: Int64
    ) {
        self.account = account
        self.component = component
        self.provenance = provenance
        self.boundary = boundary
        self.hour = hour
        self.microjoules = microjoules
    }
}

/// How much of a job's time on one node is known, from one batch.
package struct CoverageSpan: Sendable, Hashable {
    package var job: String
    package var hour: Int64
    /// The part of the batch's interval that lies in the hour: the job held the node in it.
    package var interval: UTCInterval
    package var measuredMilliseconds: Int64
    package var bridgedMilliseconds: Int64

    package init(
        job: String, hour: Int64, interval: UTCInterval, measuredMilliseconds: Int64, bridgedMilliseconds: Int64
    ) {
        self.job = job
        self.hour = hour
        self.interval = interval
        self.measuredMilliseconds = measuredMilliseconds
        self.bridgedMilliseconds = bridgedMilliseconds
    }
}

/// A stretch of a batch in which readings were missing.
package struct GapSpan: Sendable, Hashable, Codable {
    package enum Kind: Int16, Sendable, Hashable, Codable {
        /// Energy known, shape not.
        case bridged = 1
        /// Energy not known.
        case missing = 2
        /// The agent was away; the counters ran on.
        case outage = 3

        package var name: String {
            switch self {
            case .bridged: "bridged"
            case .missing: "missing"
            case .outage: "outage"
            }
        }
    }

    package var interval: UTCInterval
    package var kind: Kind
    /// The time that is missing inside the interval.
    package var milliseconds: Int64
    /// The only job that held the node, nil for none or several.
    package var job: String?

    package init(interval: UTCInterval, kind: Kind, milliseconds: Int64, job: String?) {
        self.interval = interval
        self.kind = kind
        self.milliseconds = milliseconds
        self.job = job
    }
}

/// Everything that follows from one batch.
package struct BatchPostings: Sendable, Hashable {
    package var postings: [Posting] = []
    package var coverage: [CoverageSpan] = []
    package var gaps: [GapSpan] = []
    /// Named doubts: `suspect`, `equal-share`, `residual`, `superseded`, `out-of-range`.
    package var flags: Set<String> = []

    package init() {}

    package var totalMicrojoules: Int128 {
        var sum: Int128 = 0
        // By index: a posting by itself is a copy with a name in it.
        for index in postings.indices { sum += Int128(postings[index].microjoules) }
        return sum
    }
}
