/// Numbers for the names that a log uses, and the names behind the numbers. Each runs inside the caller's transaction.
extension Connection {
    /// The number of a site, given to it now if it has none.
    package func site(log: Int32, name: String) throws(StoreError) -> Int16 {
        try query(
            """
            INSERT INTO sites (log, site, name)
            SELECT $1, coalesce((SELECT max(site) FROM sites WHERE log = $1), 0) + 1, $2
            WHERE NOT EXISTS (SELECT FROM sites WHERE log = $1 AND name = $2)
            ON CONFLICT DO NOTHING
            """, [.int4(log), .text(name)])
        return try number("SELECT site FROM sites WHERE log = $1 AND name = $2", [.int4(log), .text(name)])
    }

    /// The number and site of a node; a site that is given replaces an unknown one.
    package func node(
        log: Int32, name: String, kind: Int16, site: Int16
    ) throws(StoreError) -> (node: Int32, site: Int16) {
        try lockNames(log)
        try query(
            """
            INSERT INTO nodes (log, node, name, kind, site)
            SELECT $1, coalesce((SELECT max(node) FROM nodes WHERE log = $1), 0) + 1, $2, $3, $4
            WHERE NOT EXISTS (SELECT FROM nodes WHERE log = $1 AND name = $2)
            ON CONFLICT DO NOTHING
            """, [.int4(log), .text(name), .int2(kind), .int2(site)])
        if site > 0 {
            try query(
                "UPDATE nodes SET site = $3 WHERE log = $1 AND name = $2 AND site <> $3",
                [.int4(log), .text(name), .int2(site)])
        }
        let rows = try query("SELECT node, site FROM nodes WHERE log = $1 AND name = $2", [.int4(log), .text(name)])
        return (try rows.get(0, 0), try rows.get(0, 1))
    }

    /// The number of a job by its pseudonym.
    package func job(log: Int32, pseudonym: [UInt8]) throws(StoreError) -> Int64 {
        try lockNames(log)
        try query(
            """
            INSERT INTO job_records (log, job, pseudonym)
            SELECT $1, coalesce((SELECT max(job) FROM job_records WHERE log = $1), 0) + 1, $2
            WHERE NOT EXISTS (SELECT FROM job_records WHERE log = $1 AND pseudonym = $2)
            ON CONFLICT DO NOTHING
            """, [.int4(log), .bytea(pseudonym)])
        return try number(
            "SELECT job FROM job_records WHERE log = $1 AND pseudonym = $2", [.int4(log), .bytea(pseudonym)])
    }

    /// Two aggregators must not give one number to two names.
    private func lockNames(_ log: Int32) throws(StoreError) {
        try query("SELECT pg_advisory_xact_lock(hashtext('wattest.names'), $1)", [.int4(log)])
    }

    private func number<Value: ColumnValue>(_ sql: String, _ parameters: [Parameter]) throws(StoreError) -> Value {
        try query(sql, parameters).get(0, 0)
    }

    /// Keeps what a job is called. A record that came earlier stays where the new one says nothing else.
    package func storeRecord(
        log: Int32, pseudonym: [UInt8], key: String, cluster: String, scheduler: String, id: String, submit: Int64?,
        salt: [UInt8], record: String
    ) throws(StoreError) {
        try query(
            """
            UPDATE job_records SET key = $3, cluster = $4, scheduler = $5, scheduler_job_id = $6, submit = $7, salt = $8,
                record = $9
            WHERE log = $1 AND pseudonym = $2 AND erased IS NULL
            """,
            [
                .int4(log), .bytea(pseudonym), .text(key), .text(cluster), .text(scheduler), .text(id), .int8(submit),
                .bytea(salt), .text(record),
            ])
    }

    /// The records of a log's jobs: pseudonym and text.
    package func records(log: Int32) throws(StoreError) -> [(pseudonym: [UInt8], text: String)] {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query(
                "SELECT pseudonym, record FROM job_records WHERE log = $1 AND record IS NOT NULL ORDER BY job",
                [.int4(log)])
            return try rows.map { row throws(StoreError) in (try row.get(0), try row.get(1)) }
        }
    }
}

extension Connection {
    /// The names of a log's sites, in the order of their making.
    package func sites(log: Int32) throws(StoreError) -> [String] {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query("SELECT name FROM sites WHERE log = $1 ORDER BY site", [.int4(log)])
            return try rows.map { row throws(StoreError) in try row.get(0) }
        }
    }
}
