extension LogTransaction {
    /// The node of this name; a new number if there is none yet.
    ///
    /// An existing node keeps its kind and site: `settle` changes them.
    package func node(named name: String, kind: NodeRecord.Kind = .node, site: Int16 = 0) throws(StoreError) -> Int32 {
        func known() throws(StoreError) -> Int32? {
            try query("SELECT node FROM nodes WHERE log = $1 AND name = $2", [.text(name)])
                .first { row throws(StoreError) in try row.get(0) }
        }
        if let node = try known() { return node }
        try lock()
        // Somebody may have been first while this waited.
        if let node = try known() { return node }
        return try query(
            """
            INSERT INTO nodes (log, node, name, kind, site)
            SELECT $1, coalesce(max(node), 0) + 1, $2, $3, $4 FROM nodes WHERE log = $1
            RETURNING node
            """, [.text(name), .int2(kind.rawValue), .int2(site)]
        ).get(0, 0)
    }

    /// Gives a node its kind and site.
    package func settle(node: Int32, kind: NodeRecord.Kind, site: Int16) throws(StoreError) {
        try query(
            "UPDATE nodes SET kind = $3, site = $4 WHERE log = $1 AND node = $2",
            [.int4(node), .int2(kind.rawValue), .int2(site)])
    }

    /// Where a node stands, 0 while nobody has said.
    package func site(ofNode node: Int32) throws(StoreError) -> Int16 {
        try query("SELECT site FROM nodes WHERE log = $1 AND node = $2", [.int4(node)])
            .first { row throws(StoreError) in try row.get(0) } ?? 0
    }

    /// The site of this name; a new number if there is none yet.
    package func site(named name: String) throws(StoreError) -> Int16 {
        func known() throws(StoreError) -> Int16? {
            try query("SELECT site FROM sites WHERE log = $1 AND name = $2", [.text(name)])
                .first { row throws(StoreError) in try row.get(0) }
        }
        if let site = try known() { return site }
        try lock()
        if let site = try known() { return site }
        return try query(
            """
            INSERT INTO sites (log, site, name)
            SELECT $1, (coalesce(max(site), 0) + 1)::smallint, $2 FROM sites WHERE log = $1
            RETURNING site
            """, [.text(name)]
        ).get(0, 0)
    }

    /// The job of this pseudonym; a new number if there is none yet.
    ///
    /// - Parameter facts: filled in where the record has none. An erased record stays erased: a late message must not
    ///   bring back what was to be forgotten.
    package func job(pseudonym: [UInt8], facts: JobFacts? = nil) throws(StoreError) -> Int64 {
        let job = try number(ofJob: pseudonym)
        if let facts {
            try query(
                """
                UPDATE job_records SET key = $3, salt = $4, cluster = $5, scheduler = $6, scheduler_job_id = $7,
                    submit = $8, record = $9
                WHERE log = $1 AND job = $2 AND key IS NULL AND erased IS NULL
                """, [.int8(job)] + Self.parameters(facts))
        }
        return job
    }

    private func number(ofJob pseudonym: [UInt8]) throws(StoreError) -> Int64 {
        func known() throws(StoreError) -> Int64? {
            try query("SELECT job FROM job_records WHERE log = $1 AND pseudonym = $2", [.bytea(pseudonym)])
                .first { row throws(StoreError) in try row.get(0) }
        }
        if let job = try known() { return job }
        try lock()
        if let job = try known() { return job }
        return try query(
            """
            INSERT INTO job_records (log, job, pseudonym)
            SELECT $1, coalesce(max(job), 0) + 1, $2 FROM job_records WHERE log = $1
            RETURNING job
            """, [.bytea(pseudonym)]
        ).get(0, 0)
    }

    private static func parameters(_ facts: JobFacts) -> [Parameter] {
        [
            .text(facts.key), .bytea(facts.salt), .text(facts.cluster), .text(facts.scheduler),
            .text(facts.schedulerJobID), .int8(facts.submit), .text(facts.record),
        ]
    }

    /// The job of this key with its pseudonym, if its facts are known: whoever makes a job entry asks first, so that
    /// one job gets one pseudonym.
    package func job(key: String) throws(StoreError) -> (job: Int64, pseudonym: [UInt8])? {
        try query("SELECT job, pseudonym FROM job_records WHERE log = $1 AND key = $2", [.text(key)])
            .first { row throws(StoreError) in (try row.get(0), try row.get(1)) }
    }

    /// Forgets who a job was. Its energy stays, under a number and a pseudonym that nothing leads back from.
    ///
    /// - Returns: whether there was anything to forget.
    @discardableResult
    package func erase(job: Int64) throws(StoreError) -> Bool {
        try query(
            """
            UPDATE job_records SET key = NULL, salt = NULL, cluster = NULL, scheduler = NULL, scheduler_job_id = NULL,
                submit = NULL, record = NULL, erased = now()
            WHERE log = $1 AND job = $2 AND erased IS NULL
            """, [.int8(job)]
        ).affected == 1
    }
}
