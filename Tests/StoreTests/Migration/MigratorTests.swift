import Testing

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct MigratorTests {
    @Test func everyFileOfTheFolderIsCarried() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let names = try #require(Files.names(in: "/\(root)/sql")).filter { $0.hasSuffix(".sql") }.sorted()
        #expect(names == Migration.all.map(\.name))
        for (number, migration) in Migration.all.enumerated() {
            #expect(migration.name.hasPrefix(String(10_001 + number).dropFirst()))
            let file = Files.text("/\(root)/sql/\(migration.name)", last: 1 << 20)
            #expect(file == String(decoding: migration.text, as: UTF8.self))
        }
    }

    @Test func migratesOnce() async throws {
        let database = try await TestCluster.ownDatabase()
        let connection = try Connection(database.administrator)
        #expect(try Migrator().isCurrent(connection))
        #expect(try Migrator().migrate(connection).isEmpty)
    }

    private let roles = Migration.all[0]

    private func extra(_ sql: String) -> Migration { Migration(name: "9999_extra.sql", text: Array(sql.utf8)) }

    @Test func aFailedMigrationLeavesNothing() async throws {
        let database = try await TestCluster.ownDatabase()
        let connection = try Connection(database.administrator)
        let broken = Migrator(Migration.all + [extra("CREATE TABLE t (a int);\nSELECT 1 / 0;")])
        #expect { try broken.migrate(connection) } throws: { error in
            let error = error as? StoreError
            return error?.kind == .migration && error?.message.contains("9999_extra.sql, line 2") == true
        }
        #expect(try connection.query("SELECT to_regclass('wattest.t') IS NULL").get(0, 0) as Bool)
        #expect(try Migrator().isCurrent(connection))
    }

    @Test func anEditedMigrationIsRefused() async throws {
        let database = try await TestCluster.ownDatabase()
        let connection = try Connection(database.administrator)
        var edited = Migration.all
        edited[0] = Migration(name: edited[0].name, text: edited[0].text + Array("\n".utf8))
        let migrator = Migrator(edited)
        #expect { try migrator.migrate(connection) } throws: { error in
            (error as? StoreError)?.message == "the migration 0001_roles.sql was edited after it had been applied"
        }
    }

    @Test func aDatabaseFromTheFutureIsRefused() async throws {
        let database = try await TestCluster.ownDatabase()
        let connection = try Connection(database.administrator)
        try Migrator(Migration.all + [extra("CREATE TABLE t (a int)")]).migrate(connection)
        #expect { try Migrator().migrate(connection) } throws: { error in
            (error as? StoreError)?.message.contains("9999_extra.sql, which this program does not know") == true
        }
    }

    @Test func severalMigrateAtOnce() async throws {
        let cluster = try await TestCluster.cluster()
        let administrator = try ConnectionPool(
            cluster.administratorTarget(database: "postgres"), limits: .init(connections: 1))
        // Two databases, since roles belong to the server: four migrators, each schema made once.
        for name in ["race_a", "race_b"] {
            try await administrator.run { connection throws(StoreError) in
                _ = try connection.query("CREATE DATABASE \(name)")
            }
        }
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for name in ["race_a", "race_b", "race_a", "race_b"] {
                group.addTask {
                    let pool = try ConnectionPool(
                        cluster.administratorTarget(database: name), limits: .init(connections: 1))
                    return try await pool.run { connection throws(StoreError) in
                        try Migrator().migrate(connection).count
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        let all = Migration.all.count
        #expect(done == [0, 0, all, all])
    }
}
