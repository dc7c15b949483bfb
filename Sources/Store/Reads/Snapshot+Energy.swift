/// Sums of energy by component, in µJ: wider than any one posting, since nodes say what they like.
package struct ComponentSums: Sendable, Equatable {
    package var accelerator: Int128
    package var cpu: Int128
    package var dram: Int128
    package var rest: Int128
    package var network: Int128

    package init(accelerator: Int128 = 0, cpu: Int128 = 0, dram: Int128 = 0, rest: Int128 = 0, network: Int128 = 0) {
        self.accelerator = accelerator
        self.cpu = cpu
        self.dram = dram
        self.rest = rest
        self.network = network
    }
}

/// A row of the fold that reports read.
package struct JobEnergy: Sendable, Equatable {
    /// Hours of UTC since 1970.
    package let hour: Int32
    package let job: Int64
    package let account: AccountCode
    package let site: Int16
    package let quality: EnergyQuality
    package let energy: ComponentSums
}

/// The energy of one node on one account over a period.
package struct NodeEnergy: Sendable, Equatable {
    package let job: Int64
    package let account: AccountCode
    package let node: Int32
    package let quality: EnergyQuality
    package let energy: ComponentSums
}

/// The node-time of one node for one job over a period, in ms.
package struct NodeCoverage: Sendable, Equatable {
    package let job: Int64
    package let node: Int32
    package let measuredMilliseconds: Int64
    package let bridgedMilliseconds: Int64
    package let missingMilliseconds: Int64
}

/// A hole, with the entry that shows it.
package struct StoredGap: Sendable, Equatable {
    package let index: Int64
    package let gap: Gap
}

/// Energy within one minute, for display.
package struct MinuteEnergy: Sendable, Equatable {
    /// Minutes of UTC since 1970.
    package let minute: Int32
    package let microjoules: Int128
}

extension Row {
    fileprivate func account(_ column: Int) throws(StoreError) -> AccountCode {
        guard let account = AccountCode(rawValue: try get(column)) else {
            throw StoreError(.unexpectedAnswer, "a fold has an account that this program does not know")
        }
        return account
    }

    fileprivate func quality(_ column: Int) throws(StoreError) -> EnergyQuality {
        EnergyQuality(provenance: try get(column), boundary: try get(column + 1), rule: try get(column + 2))
    }

    fileprivate func energy(_ column: Int) throws(StoreError) -> ComponentSums {
        ComponentSums(
            accelerator: try get(column), cpu: try get(column + 1), dram: try get(column + 2),
            rest: try get(column + 3), network: try get(column + 4))
    }
}

extension Snapshot {
    private static let sums = """
        sum(accelerator)::text, sum(cpu)::text, sum(dram)::text, sum(rest)::text, sum(network)::text
        """

    /// Every account hour by hour in [from, to): what a report is made of.
    package func jobEnergy(hours: Range<Int32>) throws(StoreError) -> [JobEnergy] {
        try query(
            """
            SELECT hour, job, account, site, provenance, boundary, rule, accelerator::text, cpu::text, dram::text,
                rest::text, network::text
            FROM job_hourly WHERE log = $1 AND hour >= $2 AND hour < $3
            ORDER BY hour, job, account, site, provenance, boundary, rule
            """, [.int4(hours.lowerBound), .int4(hours.upperBound)]
        ).map { row throws(StoreError) in
            JobEnergy(
                hour: try row.get(0), job: try row.get(1), account: try row.account(2), site: try row.get(3),
                quality: try row.quality(4), energy: try row.energy(7))
        }
    }

    /// The energy of the jobs by node over [from, to). With job 0 the accounts that are no job's.
    package func nodeEnergy(jobs: [Int64], hours: Range<Int32>) throws(StoreError) -> [NodeEnergy] {
        try query(
            """
            SELECT job, account, node, provenance, boundary, rule, \(Self.sums)
            FROM energy_hourly WHERE log = $1 AND job = ANY ($2) AND hour >= $3 AND hour < $4
            GROUP BY job, account, node, provenance, boundary, rule
            ORDER BY job, account, node, provenance, boundary, rule
            """, [.int8s(jobs), .int4(hours.lowerBound), .int4(hours.upperBound)]
        ).map { row throws(StoreError) in
            NodeEnergy(
                job: try row.get(0), account: try row.account(1), node: try row.get(2), quality: try row.quality(3),
                energy: try row.energy(6))
        }
    }

    /// The node-time of every job over [from, to), or of the jobs asked for.
    package func coverage(jobs: [Int64]? = nil, hours: Range<Int32>) throws(StoreError) -> [NodeCoverage] {
        try query(
            """
            SELECT job, node, sum(measured_ms)::bigint, sum(bridged_ms)::bigint, sum(missing_ms)::bigint
            FROM coverage_hourly
            WHERE log = $1 AND hour >= $2 AND hour < $3
                AND \(jobs == nil ? "$4::bigint[] IS NOT NULL" : "job = ANY ($4)")
            GROUP BY job, node ORDER BY job, node
            """, [.int4(hours.lowerBound), .int4(hours.upperBound), .int8s(jobs ?? [])]
        ).map { row throws(StoreError) in
            NodeCoverage(
                job: try row.get(0), node: try row.get(1), measuredMilliseconds: try row.get(2),
                bridgedMilliseconds: try row.get(3), missingMilliseconds: try row.get(4))
        }
    }

    /// The holes that touch [from, to), in µs of UTC.
    package func gaps(microseconds: Range<Int64>) throws(StoreError) -> [StoredGap] {
        try query(
            """
            SELECT index, node, job, from_us, to_us, kind FROM gaps
            WHERE log = $1 AND from_us < $3 AND to_us > $2 ORDER BY from_us, index, part
            """, [.int8(microseconds.lowerBound), .int8(microseconds.upperBound)]
        ).map { row throws(StoreError) in
            StoredGap(
                index: try row.get(0),
                gap: Gap(
                    node: try row.get(1), job: try row.get(2), fromMicroseconds: try row.get(3),
                    toMicroseconds: try row.get(4), kind: try row.get(5)))
        }
    }

    /// A job's energy minute by minute in [from, to); minutes without energy are left out.
    package func power(job: Int64, minutes: Range<Int32>) throws(StoreError) -> [MinuteEnergy] {
        try query(
            """
            SELECT minute, uj::text FROM power_minutely WHERE log = $1 AND job = $2 AND minute >= $3 AND minute < $4
            ORDER BY minute
            """, [.int8(job), .int4(minutes.lowerBound), .int4(minutes.upperBound)]
        ).map { row throws(StoreError) in MinuteEnergy(minute: try row.get(0), microjoules: try row.get(1)) }
    }

    /// The first and the last hour in which a job has energy on an account of its own; `nil` when it has none.
    package func hours(ofJob job: Int64) throws(StoreError) -> ClosedRange<Int32>? {
        try query(
            "SELECT min(hour), max(hour) FROM energy_hourly WHERE log = $1 AND job = $2", [.int8(job)]
        ).first { row throws(StoreError) -> ClosedRange<Int32>? in
            guard let first: Int32 = try row.optional(0), let last: Int32 = try row.optional(1) else { return nil }
            return first...last
        } ?? nil
    }
}
