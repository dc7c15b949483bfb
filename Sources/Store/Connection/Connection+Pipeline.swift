import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Connection {
    /// Sends all statements at once and then collects their answers: one round trip.
    ///
    /// Answers stand in the order of the statements. When one fails, the server skips every later one, and its error
    /// is thrown with the statement's number; whatever an explicit `BEGIN` among them had opened is rolled back.
    /// Without `BEGIN` the statements are one implicit transaction, all or nothing.
    ///
    /// libpq's blocking mode reads while it writes, so that answers of any size cannot dead-lock with questions of
    /// any size.
    package func pipeline(_ statements: [Statement]) throws(StoreError) -> [Rows] {
        guard PQenterPipelineMode(handle) == 1 else { throw brokenOrRefused() }
        do throws(StoreError) {
            for statement in statements { try send(statement) }
            guard PQpipelineSync(handle) == 1 else { throw brokenOrRefused() }
        } catch {
            abandon()
            throw error
        }
        let answer = collect(statements.count)
        guard PQexitPipelineMode(handle) == 1 else {
            abandon()
            throw brokenOrRefused()
        }
        switch answer {
        case .success(let rows): return rows
        case .failure(let error):
            rollBackIfOpen()
            throw error
        }
    }

    private func send(_ statement: Statement) throws(StoreError) {
        let sent = withArguments(statement.parameters) { arguments in
            PQsendQueryParams(
                handle, statement.sql, arguments.count, arguments.types, arguments.values, arguments.lengths,
                arguments.formats, 1)
        }
        guard sent == 1 else { throw brokenOrRefused() }
    }

    /// Reads up to the synchronisation point even after an error: the connection is of use only from there on.
    private func collect(_ count: Int) -> Result<[Rows], StoreError> {
        var answers: [Rows] = []
        var failure: StoreError?
        for number in 0..<count {
            do throws(StoreError) {
                let rows = try rows(of: PQgetResult(handle))
                if failure == nil { answers.append(rows) }
            } catch {
                failure = failure ?? (count > 1 ? error.at("statement \(number + 1) of \(count)") : error)
            }
            // The null pointer that ends one statement's answers.
            guard PQstatus(handle) == CONNECTION_OK else { break }
            while let surplus = PQgetResult(handle) { PQclear(surplus) }
        }
        if PQstatus(handle) == CONNECTION_OK, let end = PQgetResult(handle) {
            if PQresultStatus(end) != PGRES_PIPELINE_SYNC { failure = failure ?? brokenOrRefused() }
            PQclear(end)
        }
        if PQstatus(handle) != CONNECTION_OK {
            // Whatever was answered before, the commit's outcome is unknown now.
            return .failure(brokenOrRefused())
        }
        return failure.map { .failure($0) } ?? .success(answers)
    }

    /// Out of step with the server: nothing but closing helps, and the pool sees that from the status.
    private func abandon() {
        shutdown(PQsocket(handle), Int32(SHUT_RDWR))
        PQconsumeInput(handle)
    }
}
