/// What a number in the log stands for.
package struct NodeRecord: Sendable, Equatable {
    package enum Kind: Int16, Sendable {
        case node = 1
        case importer = 2
        /// A shared source such as a network switch, never a node of a job.
        case source = 3
    }

    package let node: Int32
    package let name: String
    package let kind: Kind
    /// 0 while the site is not known.
    package let site: Int16

    static func decode(_ row: Row) throws(StoreError) -> NodeRecord {
        guard let kind = Kind(rawValue: try row.get(2)) else {
            throw StoreError(.unexpectedAnswer, "a node has a kind that this program does not know")
        }
        return NodeRecord(node: try row.get(0), name: try row.get(1), kind: kind, site: try row.get(3))
    }
}

package struct SiteRecord: Sendable, Equatable {
    package let site: Int16
    package let name: String
}

/// A job's record, outside of the log. Of an erased job only the number and the pseudonym are left.
package struct JobRecord: Sendable, Equatable {
    package let job: Int64
    package let pseudonym: [UInt8]
    package let facts: JobFacts?
    package let created: Timestamp
    package let erased: Timestamp?
}

/// How many jobs a log has, of how many the facts are known, and of how many they were erased.
package struct JobsVersion: Sendable, Hashable {
    package let jobs: Int64
    package let known: Int64
    package let erased: Int64

    package init(jobs: Int64, known: Int64, erased: Int64) {
        self.jobs = jobs
        self.known = known
        self.erased = erased
    }
}

/// What ties a pseudonym to a job, erasable.
package struct JobFacts: Sendable, Equatable {
    /// `cluster/scheduler/id@submit`.
    package var key: String
    package var salt: [UInt8]
    package var cluster: String
    package var scheduler: String
    package var schedulerJobID: String
    /// Seconds since 1970.
    package var submit: Int64?
    /// The record's own text, as the commitment in the job entry binds it.
    package var record: String

    package init(
        key: String, salt: [UInt8], cluster: String, scheduler: String, schedulerJobID: String, submit: Int64?,
        record: String
    ) {
        self.key = key
        self.salt = salt
        self.cluster = cluster
        self.scheduler = scheduler
        self.schedulerJobID = schedulerJobID
        self.submit = submit
        self.record = record
    }
}

extension Snapshot {
    package func nodes() throws(StoreError) -> [NodeRecord] {
        try query("SELECT node, name, kind, site FROM nodes WHERE log = $1 ORDER BY node").map(NodeRecord.decode)
    }

    package func sites() throws(StoreError) -> [SiteRecord] {
        try query("SELECT site, name FROM sites WHERE log = $1 ORDER BY site")
            .map { row throws(StoreError) in SiteRecord(site: try row.get(0), name: try row.get(1)) }
    }

    /// The chain that an imported file was put into.
    package func incarnation(of file: ImportedFile) throws(StoreError) -> Int64? {
        try query(
            """
            SELECT incarnation FROM imports
            WHERE log = $1 AND job = $2 AND node = $3 AND sensor = $4 AND file_sha256 = $5
            """, [.int8(file.job), .int4(file.node), .text(file.sensor), .bytea(file.sha256)]
        ).first { row throws(StoreError) in try row.get(0) }
    }
}

extension Snapshot {
    private static let jobColumns = """
        SELECT job, pseudonym, key, salt, cluster, scheduler, scheduler_job_id, submit, record, created, erased
        FROM job_records
        """

    private static func job(_ row: Row) throws(StoreError) -> JobRecord {
        var facts: JobFacts?
        if let key: String = try row.optional(2) {
            facts = JobFacts(
                key: key, salt: try row.optional(3) ?? [], cluster: try row.optional(4) ?? "",
                scheduler: try row.optional(5) ?? "", schedulerJobID: try row.optional(6) ?? "",
                submit: try row.optional(7), record: try row.optional(8) ?? "")
        }
        return JobRecord(
            job: try row.get(0), pseudonym: try row.get(1), facts: facts, created: try row.get(9),
            erased: try row.optional(10))
    }

    package func job(_ job: Int64) throws(StoreError) -> JobRecord? {
        try query("\(Self.jobColumns) WHERE log = $1 AND job = $2", [.int8(job)]).first(Self.job)
    }

    package func job(pseudonym: [UInt8]) throws(StoreError) -> JobRecord? {
        try query("\(Self.jobColumns) WHERE log = $1 AND pseudonym = $2", [.bytea(pseudonym)]).first(Self.job)
    }

    /// The jobs that a person may mean: an exact key, else those whose key begins so or whose scheduler's id it is.
    ///
    /// - Returns: at most `limit`; more than one means that the text is ambiguous.
    package func jobs(matching text: String, limit: Int32 = 20) throws(StoreError) -> [JobRecord] {
        let exact = try query("\(Self.jobColumns) WHERE log = $1 AND key = $2", [.text(text)]).map(Self.job)
        if !exact.isEmpty { return exact }
        // A range and not LIKE, which under row-level security is never an index condition.
        return try query(
            """
            \(Self.jobColumns) WHERE log = $1 AND (
                (key >= $2 AND key < $2 || U&'\\+10FFFF' AND $2 <> '') OR scheduler_job_id = $2)
            ORDER BY job LIMIT $3
            """, [.text(text), .int4(limit)]
        ).map(Self.job)
    }

    /// Jobs by number, from the one after `last`; for lists in pages.
    package func jobs(after last: Int64 = 0, limit: Int32) throws(StoreError) -> [JobRecord] {
        try query(
            "\(Self.jobColumns) WHERE log = $1 AND job > $2 ORDER BY job LIMIT $3", [.int8(last), .int4(limit)]
        ).map(Self.job)
    }

    /// Another one whenever a job was added, its facts filled in or erased: jobs are never removed, and what is erased
    /// stays so.
    package func jobsVersion() throws(StoreError) -> JobsVersion {
        try query("SELECT count(*), count(key), count(erased) FROM job_records WHERE log = $1")
            .first { row throws(StoreError) in
                JobsVersion(jobs: try row.get(0), known: try row.get(1), erased: try row.get(2))
            } ?? JobsVersion(jobs: 0, known: 0, erased: 0)
    }

    /// The records of the jobs given, erased ones included.
    package func jobs(numbered jobs: [Int64]) throws(StoreError) -> [JobRecord] {
        try query("\(Self.jobColumns) WHERE log = $1 AND job = ANY ($2) ORDER BY job", [.int8s(jobs)]).map(Self.job)
    }
}
