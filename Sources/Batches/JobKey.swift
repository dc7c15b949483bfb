/// The name of a job that stays unique when a scheduler reuses its ids: `cluster/scheduler/id@submit`.
package struct JobKey: Sendable, Hashable, CustomStringConvertible {
    package var cluster: String
    package var scheduler: String
    package var id: String
    /// Submit time in Unix seconds, nil where the scheduler tells none.
    package var submitSeconds: Int64?

    package init(cluster: String, scheduler: String, id: String, submitSeconds: Int64?) {
        self.cluster = cluster
        self.scheduler = scheduler
        self.id = id
        self.submitSeconds = submitSeconds
    }

    /// Parts are percent-encoded outside `[A-Za-z0-9._-]`; an unknown submit time is `-`.
    package var description: String {
        let parts = [cluster, scheduler, id].map(PercentEncoding.encode)
        return "\(parts[0])/\(parts[1])/\(parts[2])@\(submitSeconds.map(String.init) ?? "-")"
    }

    /// Parses a full key, or nil when the text is not the only spelling of one.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 3, let at = parts[2].lastIndex(of: UInt8(ascii: "@")),
            let cluster = PercentEncoding.decode(parts[0]), let scheduler = PercentEncoding.decode(parts[1]),
            let id = PercentEncoding.decode(parts[2][..<at]),
            let submit = String(parts[2][parts[2].index(after: at)...])
        else { return nil }
        guard !cluster.isEmpty, !scheduler.isEmpty, !id.isEmpty else { return nil }
        guard submit == "-" || Int64(submit).map({ $0 >= 0 && "\($0)" == submit }) == true else { return nil }
        self.init(cluster: cluster, scheduler: scheduler, id: id, submitSeconds: Int64(submit))
    }
}
