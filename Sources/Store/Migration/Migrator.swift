/// Brings a database's schema to what this program knows.
///
/// Each migration is one transaction: a crash leaves it applied and recorded, or neither. Several programs may migrate
/// at once; an advisory lock lets them queue, and the later ones find nothing to do.
package struct Migrator {
    private let migrations: [Migration]

    package init() { migrations = Migration.all }

    init(_ migrations: [Migration]) { self.migrations = migrations }

    /// "wattest" in ASCII: the advisory lock's number, one for every program that migrates this database.
    private static let lockNumber: Int64 = 0x77_61_74_74_65_73_74

    private struct Applied {
        let name: String
        let checksum: [UInt8]
    }

    /// - Parameter connection: as a role that may create roles and schemas.
    /// - Returns: the names of the migrations applied now.
    /// - Throws: `.migration` when a landed migration was edited or is unknown here, or when one fails.
    @discardableResult
    package func migrate(_ connection: Connection) throws(StoreError) -> [String] {
        try connection.query("SELECT pg_advisory_lock($1)", [.int8(Self.lockNumber)])
        // The lock belongs to the session and ends with it at the latest.
        defer { _ = try? connection.query("SELECT pg_advisory_unlock($1)", [.int8(Self.lockNumber)]) }
        let applied = try applied(connection)
        try compare(applied, connection)
        var done: [String] = []
        for migration in migrations.dropFirst(applied.count) {
            try apply(migration, connection)
            done.append(migration.name)
        }
        return done
    }

    /// Whether every migration is applied, without changing anything.
    package func isCurrent(_ connection: Connection) throws(StoreError) -> Bool {
        let applied = try applied(connection)
        try compare(applied, connection)
        return applied.count == migrations.count
    }

    private func applied(_ connection: Connection) throws(StoreError) -> [Applied] {
        let known = try connection.query("SELECT to_regclass('wattest.migrations') IS NOT NULL")
        guard try known.get(0, 0, as: Bool.self) else { return [] }
        return try connection.query("SELECT name, checksum FROM wattest.migrations ORDER BY name")
            .map { row throws(StoreError) in Applied(name: try row.get(0), checksum: try row.get(1)) }
    }

    private func compare(_ applied: [Applied], _ connection: Connection) throws(StoreError) {
        for (number, landed) in applied.enumerated() {
            guard number < migrations.count, migrations[number].name == landed.name else {
                throw StoreError(
                    .migration, "the database has the migration \(landed.name), which this program does not know",
                    hint: "run the version that migrated it, or a newer one")
            }
            guard try checksum(migrations[number], connection) == landed.checksum else {
                throw StoreError(
                    .migration, "the migration \(landed.name) was edited after it had been applied",
                    hint: "restore the file and put the change into a new migration")
            }
        }
    }

    private func apply(_ migration: Migration, _ connection: Connection) throws(StoreError) {
        let pieces: [SQLScript.Piece]
        do { pieces = try SQLScript.pieces(of: migration.text) } catch { throw error.at("sql/\(migration.name)") }
        try connection.transaction { () throws(StoreError) in
            for piece in pieces {
                do throws(StoreError) {
                    try connection.query(piece.text)
                } catch {
                    let place = "sql/\(migration.name), line \(piece.line)"
                    throw StoreError(
                        error.kind == .connectionLost ? .connectionLost : .migration, "\(place): \(error.message)",
                        sqlState: error.sqlState, hint: error.hint)
                }
            }
            try connection.query("RESET ROLE")
            try connection.query(
                "INSERT INTO wattest.migrations (name, checksum) VALUES ($1, $2)",
                [.text(migration.name), .bytea(try checksum(migration, connection))])
        }
    }

    /// SHA-256, by the server: the store itself links no cryptography.
    private func checksum(_ migration: Migration, _ connection: Connection) throws(StoreError) -> [UInt8] {
        try connection.query("SELECT sha256($1)", [.bytea(migration.text)]).get(0, 0)
    }
}
