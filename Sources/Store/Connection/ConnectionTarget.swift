/// Where a database is and as whom to speak to it.
///
/// The text may hold a password: it is never printed, and has no `description`.
package struct ConnectionTarget: Sendable {
    /// A URL (`postgresql://…`) or libpq's `keyword=value` string.
    let location: String
    /// Replaces the location's user; `nil` keeps it.
    let user: String?

    package init(location: String, role: DatabaseRole? = nil) {
        self.location = location
        user = role?.rawValue
    }

    init(location: String, user: String) {
        self.location = location
        self.user = user
    }

    package func role(_ role: DatabaseRole) -> ConnectionTarget {
        ConnectionTarget(location: location, role: role)
    }

    /// libpq's parameters, in the order in which later ones win. `dbname` holds the location and is expanded.
    var parameters: [(keyword: String, value: String)] {
        var list = [
            ("connect_timeout", "10"),
            ("fallback_application_name", "wattest"),
            ("dbname", location),
            ("client_encoding", "UTF8"),
        ]
        if let user { list.append(("user", user)) }
        return list
    }

    /// A value of a `keyword=value` string, quoted as libpq wants it (libpq, "Connection Strings").
    static func quoted(_ value: String) -> String {
        var text = "'"
        for character in value {
            if character == "'" || character == "\\" { text.append("\\") }
            text.append(character)
        }
        return text + "'"
    }
}

/// The roles that log in. Nobody logs in as an owner of tables.
package enum DatabaseRole: String, Sendable, CaseIterable {
    /// Appends; reads one log at a time.
    case intake = "wattest_intake"
    /// Reads one log at a time.
    case reader = "wattest_reader"
    /// Drops partitions of sample blocks, nothing else.
    case retention = "wattest_retention"
}
