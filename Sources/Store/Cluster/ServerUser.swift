#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The user that owns the private cluster's files and runs its programs: PostgreSQL refuses to run as root.
struct ServerUser: Sendable, Equatable {
    let name: String
    let user: uid_t
    let group: gid_t
    let groups: [gid_t]
    let home: String
    /// Whether our children must change to this user.
    let isOther: Bool

    /// As root, the owner of the cluster's directory or of the one around it, unless that is root too; then
    /// `postgres`. Otherwise ourselves.
    static func choose(for directory: ClusterDirectory) throws(StoreError) -> ServerUser {
        let effective = geteuid()
        guard effective == 0 else {
            return account(of: effective, group: getegid(), home: directory.parent, isOther: false)
        }
        for path in [directory.path, directory.parent] {
            if let facts = FileFacts(path), facts.owner != 0 {
                return account(of: facts.owner, group: facts.group, home: directory.parent, isOther: true)
            }
        }
        guard let postgres = Account(named: "postgres") else {
            throw StoreError(
                .cluster, "PostgreSQL does not run as root, and there is no user postgres to run it as",
                hint: "install Debian's package postgresql, or give \(directory.parent) to an ordinary user with chown")
        }
        return postgres.serverUser(isOther: true)
    }

    private static func account(of user: uid_t, group: gid_t, home: String, isOther: Bool) -> ServerUser {
        Account(number: user)?.serverUser(isOther: isOther)
            ?? ServerUser(name: "#\(user)", user: user, group: group, groups: [group], home: home, isOther: isOther)
    }
}

/// An entry of the user database.
private struct Account {
    let name: String
    let user: uid_t
    let group: gid_t
    let home: String

    init?(named name: String) {
        self.init { entry, buffer, size, found in getpwnam_r(name, entry, buffer, size, found) }
    }

    init?(number: uid_t) {
        self.init { entry, buffer, size, found in getpwuid_r(number, entry, buffer, size, found) }
    }

    private typealias LookUp = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32

    private init?(_ lookUp: LookUp) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        let size = 65_536
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        defer { buffer.deallocate() }
        guard lookUp(&entry, buffer, size, &found) == 0, found != nil else { return nil }
        name = String(cString: entry.pw_name)
        user = entry.pw_uid
        group = entry.pw_gid
        home = String(cString: entry.pw_dir)
    }

    func serverUser(isOther: Bool) -> ServerUser {
        var groups = [gid_t](repeating: 0, count: 256)
        var count = Int32(groups.count)
        if getgrouplist(name, group, &groups, &count) < 0 { count = 0 }
        return ServerUser(
            name: name, user: user, group: group, groups: count > 0 ? Array(groups.prefix(Int(count))) : [group],
            home: home, isOther: isOther)
    }
}
