import Batches
import Workloads

/// The organizations of this node: the one that enrolled it, and those whose jobs it runs (RULES section 4).
struct Tenancy: Sendable, Hashable {
    /// Origin of the home log, whose last part is the organization's slug.
    private let homeLog: String
    private let homeSalt: [UInt8]
    /// Salts of the tenants' logs that this node writes to, by slug.
    private let salts: [String: [UInt8]]

    init(homeLog: String, homeSalt: [UInt8], tenantSalts: [String: [UInt8]] = [:]) {
        self.homeLog = homeLog
        self.homeSalt = homeSalt
        salts = tenantSalts
    }

    /// Organization of a log: the last part of its origin.
    static func slug(ofLog origin: String) -> String { origin.split(separator: "/").last.map(String.init) ?? origin }

    var logged: Set<String> { Set(salts.keys) }

    /// Whose hold it is, nil where it is the home organization's or nobody's in particular.
    func hold(of workload: Workload) -> TenantHold? {
        guard let slug = workload.labels["organization"], slug != Self.slug(ofLog: homeLog) else { return nil }
        // Under the tenant's salt, which the home organization does not have: to it the name is random, and the tenant
        // can prove what it stood for.
        let name = "tenant \(homeLog) \(JobKey(workload.identity))"
        return TenantHold(
            tenant: slug, homePseudonym: Pseudonym.of(jobKey: name, salt: salts[slug] ?? homeSalt))
    }

    /// The name of a job in the log that tells of it.
    func pseudonym(of workload: Workload) -> String {
        let hold = hold(of: workload)
        guard let hold, salts[hold.tenant] == nil else {
            let salt = hold.flatMap { salts[$0.tenant] } ?? homeSalt
            return Pseudonym.of(jobKey: JobKey(workload.identity).description, salt: salt)
        }
        return hold.homePseudonym
    }
}
