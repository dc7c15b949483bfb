extension PrivateCluster {
    /// Where to connect to the cluster of a data directory while another process serves it, nil when none does.
    package static func runningTarget(dataDirectory: String, role: DatabaseRole) -> ConnectionTarget? {
        let directory = ClusterDirectory(parent: dataDirectory)
        // The server keeps its port in the fourth line and its socket's directory in the fifth (postmaster.pid).
        guard let text = Files.text("\(directory.path)/postmaster.pid") else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 4, let port = UInt16(lines[3]), !lines[4].isEmpty else { return nil }
        let host = ConnectionTarget.quoted(String(lines[4]))
        let name = ConnectionTarget.quoted(ClusterCreation.database)
        return ConnectionTarget(
            location: "host=\(host) port=\(port) dbname=\(name) sslmode=disable", user: role.rawValue)
    }
}
