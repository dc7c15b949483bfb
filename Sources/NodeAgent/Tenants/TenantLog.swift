package import Wire

/// One tenant's log as this node writes it: an enrolment of its own in DATA-DIR/tenants/SLUG, with a spool and an
/// uplink of its own. What fails here fails for this tenant alone.
package final class TenantLog: Sendable {
    package let slug: String
    package let enrolment: Enrolment
    package let spool: Spool
    package let uplink: Uplink
    private let relay: EventRelay

    static let directoryName = "tenants"

    /// Directory of a tenant's enrolment under the node's.
    package static func directory(of slug: String, in home: String) -> String { "\(home)/\(directoryName)/\(slug)" }

    package static func isSlug(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }

    /// Slugs of the tenants that were enrolled in a data directory.
    package static func slugs(in home: String) -> [String] {
        let names = (try? DurableFile.names(in: "\(home)/\(directoryName)")) ?? []
        // A directory without its record is an enrolment that did not come to its end.
        return names.filter { isSlug($0) && isEnrolled(directory(of: $0, in: home)) }.sorted()
    }

    private static func isEnrolled(_ directory: String) -> Bool {
        DurableFile.size(of: "\(directory)/\(Enrolment.recordName)") > 0
    }

    /// - Parameter client: makes the client of the next connection; nil takes the enrolment's own.
    package init(
        _ slug: String, _ enrolment: Enrolment, capacityBytes: Int,
        client: (@Sendable () async throws -> IngestClient)? = nil, report: @escaping @Sendable (String) -> Void
    ) throws(AgentError) {
        self.slug = slug
        self.enrolment = enrolment
        let relay = EventRelay { report("tenant \(slug): \($0)") }
        self.relay = relay
        do {
            spool = try Spool(path: enrolment.directory + "/spool", capacityBytes: capacityBytes)
            uplink = Uplink(
                configuration: enrolment.uplink, store: spool, remembered: try spool.rememberedCheckpoint(),
                environment: Uplink.Environment(
                    client: client ?? { try await CertificateKeeper(enrolment).client() },
                    pause: AgentEnvironment.pause, jitter: AgentEnvironment.jitter, observe: { relay.take($0) }))
        } catch {
            throw AgentError(error)
        }
    }

    /// Every tenant's log of a data directory.
    package static func all(
        in home: String, capacityBytes: Int, report: @escaping @Sendable (String) -> Void
    ) throws(AgentError) -> [TenantLog] {
        var logs: [TenantLog] = []
        for slug in slugs(in: home) {
            let enrolment = try Enrolment(directory: directory(of: slug, in: home))
            logs.append(try TenantLog(slug, enrolment, capacityBytes: capacityBytes, report: report))
        }
        return logs
    }

    func connect(_ loop: MeasuringLoop) {
        relay.connect { [slug] event in loop.post(.tenant(slug, event)) }
    }
}
