import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One connection to PostgreSQL, spoken to with blocking calls.
///
/// Not `Sendable`: it lives on one thread (see `ConnectionPool`), because libpq's connections are not to be shared
/// and because a call may block for as long as the server likes.
package final class Connection {
    let handle: OpaquePointer

    /// Connects and brings the session into the state that every query here assumes.
    package init(_ target: ConnectionTarget) throws(StoreError) {
        guard let handle = Self.open(target) else {
            throw StoreError(.unavailable, "cannot connect to the database: out of memory")
        }
        self.handle = handle
        guard PQstatus(handle) == CONNECTION_OK else {
            throw StoreError(
                .unavailable, "cannot connect to the database: \(Self.firstLine(PQerrorMessage(handle)))",
                hint: "check that PostgreSQL runs, that --database-url names it"
                    + (target.user.map { ", and that it lets \($0) in, by pg_hba.conf or a password in a passfile" }
                        ?? ""))
        }
        // Notices would go to stderr otherwise.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        try prepareSession()
    }

    deinit { PQfinish(handle) }

    private static func open(_ target: ConnectionTarget) -> OpaquePointer? {
        let parameters = target.parameters
        return withCStrings(parameters.map(\.keyword)) { keywords in
            withCStrings(parameters.map(\.value)) { values in
                PQconnectdbParams(keywords.baseAddress, values.baseAddress, 1)
            }
        }
    }

    private func prepareSession() throws(StoreError) {
        _ = try pipeline([
            // Public is not searched: a function planted there cannot stand in for one of ours.
            Statement("SET search_path = wattest, pg_temp"),
            Statement("SET TimeZone = 'UTC'"),
            // A commit that is acknowledged must be durable, whatever the database's default is.
            Statement(
                """
                SELECT set_config('synchronous_commit', 'on', false)
                WHERE current_setting('synchronous_commit') = 'off'
                """),
        ])
    }

    /// Runs one statement and waits for its answer.
    @discardableResult
    package func query(_ sql: String, _ parameters: [Parameter] = []) throws(StoreError) -> Rows {
        let result = withArguments(parameters) { arguments in
            PQexecParams(
                handle, sql, arguments.count, arguments.types, arguments.values, arguments.lengths,
                arguments.formats, 1)
        }
        return try rows(of: result)
    }

    /// Whether the connection can take work. An idle server has nothing to say: a readable socket means that it
    /// went away, or rarely a notice, for which connecting anew is cheap.
    package var isAlive: Bool {
        guard PQstatus(handle) == CONNECTION_OK else { return false }
        var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        return poll(&socket, 1, 0) == 0
    }

    /// Whether no transaction is open, so that the next work starts clean.
    var isIdle: Bool {
        PQtransactionStatus(handle) == PQTRANS_IDLE && PQpipelineStatus(handle) == PQ_PIPELINE_OFF
    }

    /// The server's version, as 150_018 for 15.18.
    package var serverVersion: Int { Int(PQserverVersion(handle)) }
}

extension Connection {
    /// Takes over a result of libpq, as rows or as the error it is.
    func rows(of result: OpaquePointer?) throws(StoreError) -> Rows {
        guard let result else { throw brokenOrRefused() }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_PIPELINE_SYNC:
            return Rows(owning: result)
        default:
            let error = error(of: result)
            PQclear(result)
            throw error
        }
    }

    private func error(of result: OpaquePointer) -> StoreError {
        func field(_ code: wattest_error_field) -> String? {
            PQresultErrorField(result, Int32(bitPattern: code.rawValue)).map { String(cString: $0) }
        }
        guard let sqlState = field(WATTEST_FIELD_SQLSTATE) else { return brokenOrRefused() }
        return .server(
            sqlState: sqlState, primary: field(WATTEST_FIELD_PRIMARY) ?? "the database gave no reason",
            hint: field(WATTEST_FIELD_HINT), table: field(WATTEST_FIELD_TABLE),
            constraint: field(WATTEST_FIELD_CONSTRAINT))
    }

    /// An error that libpq itself found.
    func brokenOrRefused() -> StoreError {
        let text = Self.firstLine(PQerrorMessage(handle))
        guard PQstatus(handle) == CONNECTION_OK else {
            return StoreError(.connectionLost, "the database connection broke: \(text)")
        }
        return StoreError(.refused, text)
    }

    static func firstLine(_ message: UnsafePointer<CChar>?) -> String {
        guard let message else { return "no reason given" }
        return String(cString: message).split(whereSeparator: \.isNewline).first.map(String.init) ?? "no reason given"
    }
}

/// The parallel arrays that libpq wants, valid during one call.
struct StatementArguments {
    let count: Int32
    let types: UnsafePointer<Oid>?
    let values: UnsafePointer<UnsafePointer<CChar>?>?
    let lengths: UnsafePointer<Int32>?
    let formats: UnsafePointer<Int32>?
}

extension Connection {
    func withArguments<Result>(_ parameters: [Parameter], _ body: (StatementArguments) -> Result) -> Result {
        let types = parameters.map { Oid($0.type) }
        let lengths = parameters.map { Int32(truncatingIfNeeded: $0.bytes?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: parameters.count)
        // One arena, since the pointers of many arrays cannot be held at the same time otherwise. The last byte
        // gives empty values an address: a null pointer means SQL's null.
        let arena = parameters.reduce(into: [UInt8]()) { $0.append(contentsOf: $1.bytes ?? []) } + [0]
        return arena.withUnsafeBufferPointer { arena in
            var offset = 0
            let values = parameters.map { parameter -> UnsafePointer<CChar>? in
                guard let bytes = parameter.bytes, let base = arena.baseAddress else { return nil }
                defer { offset += bytes.count }
                return UnsafeRawPointer(base + offset).assumingMemoryBound(to: CChar.self)
            }
            return types.withUnsafeBufferPointer { types in
                values.withUnsafeBufferPointer { values in
                    lengths.withUnsafeBufferPointer { lengths in
                        formats.withUnsafeBufferPointer { formats in
                            body(
                                StatementArguments(
                                    count: Int32(parameters.count), types: types.baseAddress,
                                    values: values.baseAddress, lengths: lengths.baseAddress,
                                    formats: formats.baseAddress))
                        }
                    }
                }
            }
        }
    }
}
