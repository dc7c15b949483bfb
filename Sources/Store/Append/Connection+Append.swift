extension Connection {
    /// Appends a group to its log: one transaction in one round trip.
    ///
    /// When it returns, what it calls appended is durable and counted in the folds, exactly once: the same group sent
    /// again gives duplicates with the same indexes. Hence `.connectionLost`, after which it may or may not have
    /// happened, is answered by sending the group again.
    ///
    /// A row that the database cannot hold is told by its verdict and keeps no other row out.
    ///
    /// - Throws: `.logHasMoved` when the log has another size than the group expects; nothing was appended then, or, of
    ///   a group with a bad row in it, the part before that row.
    package func append(_ group: AppendGroup) throws(StoreError) -> AppendOutcome {
        do throws(StoreError) {
            return try appendAtOnce(group)
        } catch  where error.kind == .partitionMissing {
            // Nobody made the coming month's or day's in time.
            try ensurePartitions()
            return try appendAtOnce(group)
        } catch  where error.kind == .logHasMoved && group.isSummed {
            var apart = group
            apart.areNew = false
            return try append(apart)
        } catch  where error.isAboutOneRow {
            return try appendApart(group)
        }
    }

    private func appendAtOnce(_ group: AppendGroup) throws(StoreError) -> AppendOutcome {
        let records = group.rows.indices.filter { group.rows[$0].link == nil }
        let chained = group.rows.indices.filter { group.rows[$0].link != nil }
        var statements = Self.opening(.readCommitted, log: group.log)
        let lockNumber = statements.count
        // NO KEY: foreign keys that point to the log are checked meanwhile.
        statements.append(Statement("SELECT size FROM logs WHERE log = $1 FOR NO KEY UPDATE", [.int4(group.log)]))
        if let expected = group.expectedSize {
            statements.append(Statement("SELECT require_size($1, $2)", [.int4(group.log), .int8(expected)]))
        }
        var parts: [[Int]] = []
        if !records.isEmpty {
            statements.append(
                RecordStatement.statement(log: group.log, records.map { group.rows[$0] }, areNew: group.isSummed))
            parts.append(records)
        }
        if !chained.isEmpty {
            statements.append(
                ChainStatement.statement(log: group.log, chained.map { group.rows[$0] }, areNew: group.isSummed))
            parts.append(chained)
        }
        if let expected = group.expectedSize, group.isSummed {
            // Sums of rows of which one is not appended must not stay in the folds.
            let grown = expected + Int64(group.rows.count)
            statements.append(Statement("SELECT require_size($1, $2)", [.int4(group.log), .int8(grown)]))
        }
        statements.append(Statement("COMMIT"))
        let answers = try pipeline(statements)
        guard let size = try answers[lockNumber].first({ row throws(StoreError) in try row.get(0, as: Int64.self) })
        else { throw StoreError(.unknownLog, "there is no log \(group.log)") }
        if let last = answers.last { try Self.requireCommit(last) }
        let before = lockNumber + (group.expectedSize == nil ? 1 : 2)
        return try outcome(group.rows.count, size, parts, answers.dropFirst(before))
    }

    private func outcome(
        _ count: Int, _ size: Int64, _ parts: [[Int]], _ answers: ArraySlice<Rows>
    ) throws(StoreError) -> AppendOutcome {
        var rows = [AppendedRow](repeating: AppendedRow(verdict: .gap, index: nil), count: count)
        var appended: Int64 = 0
        for (numbers, answer) in zip(parts, answers) {
            guard answer.count == numbers.count else {
                throw StoreError(.unexpectedAnswer, "\(numbers.count) rows were sent and \(answer.count) answered")
            }
            for (line, number) in numbers.enumerated() {
                guard let verdict = AppendVerdict(rawValue: try answer.get(line, 1)) else {
                    throw StoreError(.unexpectedAnswer, "an append was answered by an unknown verdict")
                }
                rows[number] = AppendedRow(verdict: verdict, index: try answer.optional(line, 0))
                if verdict == .appended { appended += 1 }
            }
        }
        return AppendOutcome(rows: rows, size: size + appended)
    }

    /// Halves the group until the bad row stands alone: one node's nonsense must not keep the others' evidence out.
    private func appendApart(_ group: AppendGroup) throws(StoreError) -> AppendOutcome {
        if group.rows.count == 1 {
            let size = try append(AppendGroup(log: group.log, expectedSize: group.expectedSize)).size
            return AppendOutcome(rows: [AppendedRow(verdict: .unrepresentable, index: nil)], size: size)
        }
        let middle = group.rows.count / 2
        var outcome = try append(
            AppendGroup(log: group.log, rows: Array(group.rows[..<middle]), expectedSize: group.expectedSize))
        let rest = try append(
            AppendGroup(
                log: group.log, rows: Array(group.rows[middle...]),
                expectedSize: group.expectedSize == nil ? nil : outcome.size))
        outcome.rows += rest.rows
        outcome.size = rest.size
        return outcome
    }

    /// Makes the partitions of the time to come, where they are missing. To be called at the start and every day.
    package func ensurePartitions(months: Int32 = 2, days: Int32 = 14) throws(StoreError) {
        try query("SELECT ensure_note_partitions($1)", [.int4(months)])
        try query("SELECT ensure_sample_partitions($1)", [.int4(days)])
    }
}

extension StoreError {
    /// A value out of range, a check or a null: the fault of some row and not of the database. A uniqueness that
    /// breaks under the log's lock is not among them: that is a damaged log, and nobody's batch is refused for it.
    fileprivate var isAboutOneRow: Bool {
        guard kind == .invalidData, let sqlState else { return false }
        return sqlState.hasPrefix("22") || sqlState == "23514" || sqlState == "23502"
    }
}
