#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// PostgreSQL's server programs on this machine.
struct ServerPrograms: Sendable, Equatable {
    /// Where `postgres` and `initdb` lie.
    let directory: String
    /// 15 and later: needed are `initdb`'s and the log's abilities as of then.
    let major: Int

    static let oldestMajor = 15

    var postgres: String { "\(directory)/postgres" }
    var initdb: String { "\(directory)/initdb" }

    /// Where to look, the best first.
    struct Places: Sendable {
        /// `WATTEST_POSTGRES_BIN`: the only place when it is set.
        var configured: String?
        /// Debian's and Ubuntu's root of one folder for each major version.
        var versions = "/usr/lib/postgresql"
        var path: [String] = []

        static var ambient: Places {
            var places = Places()
            places.configured = getenv("WATTEST_POSTGRES_BIN").map { String(cString: $0) }
            places.path = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
            return places
        }

        var candidates: [String] {
            if let configured { return [configured] }
            let majors = (Files.names(in: versions) ?? []).compactMap { Int($0) }.sorted(by: >)
            return majors.map { "\(versions)/\($0)/bin" } + path
        }
    }

    /// - Parameter wanted: the major version that an existing cluster needs.
    /// - Throws: `.cluster` saying which package is missing.
    static func find(in places: Places, wanted: Int?, as user: ServerUser) throws(StoreError) -> ServerPrograms {
        var found: [ServerPrograms] = []
        for directory in places.candidates {
            guard access("\(directory)/postgres", X_OK) == 0, access("\(directory)/initdb", X_OK) == 0 else { continue }
            guard let major = try version("\(directory)/postgres", as: user) else { continue }
            found.append(ServerPrograms(directory: directory, major: major))
        }
        if let match = found.first(where: { $0.major >= oldestMajor && (wanted ?? $0.major) == $0.major }) {
            return match
        }
        throw missing(found.map(\.major), wanted: wanted, places)
    }

    private static func version(_ program: String, as user: ServerUser) throws(StoreError) -> Int? {
        let answer = try ChildProcess.run(program, ["--version"], as: user, in: "/")
        return answer.status == 0 ? major(fromVersionText: answer.output) : nil
    }

    /// From "postgres (PostgreSQL) 15.18 (Debian …)", "16beta1" or "17.2".
    static func major(fromVersionText text: String) -> Int? {
        guard let number = text.split(separator: " ").dropFirst(2).first else { return nil }
        return Int(number.prefix { $0.isNumber })
    }

    private static func missing(_ found: [Int], wanted: Int?, _ places: Places) -> StoreError {
        let elsewhere = "or set WATTEST_POSTGRES_BIN, or give --database-url"
        if let wanted {
            let others = found.isEmpty ? "none is here" : "here is \(found.map(String.init).joined(separator: ", "))"
            return StoreError(
                .cluster, "the database was made by PostgreSQL \(wanted), and \(others)",
                hint: "install postgresql-\(wanted), or bring the database over with pg_upgrade, \(elsewhere)")
        }
        if let newest = found.max() {
            return StoreError(
                .cluster, "PostgreSQL \(newest) is too old: \(oldestMajor) or later is needed",
                hint: "install a newer package postgresql, \(elsewhere)")
        }
        let place = places.configured.map { "WATTEST_POSTGRES_BIN (\($0))" } ?? "\(places.versions)/*/bin and PATH"
        return StoreError(
            .cluster, "PostgreSQL's programs postgres and initdb are not in \(place)",
            hint: "install Debian's package postgresql, \(elsewhere)")
    }
}
