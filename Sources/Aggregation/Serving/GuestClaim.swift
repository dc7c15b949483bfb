import Batches
import Disclosure
import HTTPEdge
import HTTPTypes
import JSONText
import Store
import TransparencyLog

/// What a node says that enrols with another organization than its own, to write extracts for that one's jobs (RULES
/// section 4).
///
/// Three agree before it is taken: the organization, by its token; the node, whose home key names the new one; and the
/// home organization, whose log says in `node.tenants` which others the node may serve. The last two are checked where
/// the home log is this aggregator's; of another one's it is only written down.
struct GuestClaim: Sendable {
    /// Origin of the home log, and the node's name there.
    var log: String
    var node: String
    /// The new key, signed by the home one.
    var proof: [UInt8]

    /// The setting of the home log with the organizations that a node may write extracts for.
    static let tenantsField = "node.tenants"

    init(json: JSONValue) throws(Problem) {
        guard let log = json["log"]?.string, (1...255).contains(log.utf8.count), let node = json["node"]?.string,
            let proof = json["proof"]?.string.flatMap({ Base64.decode($0) })
        else { throw .badRequest("home: log, node and proof of the node's home enrolment") }
        self.log = log
        self.node = node
        self.proof = proof
    }

    func check(for request: Enrolment.Request, in runtime: LogRuntime, _ aggregator: Aggregator) async throws {
        let tenant = runtime.organization
        guard log != tenant.origin else {
            throw Problem.badRequest("home: the node is at home in \(tenant.slug) itself; enroll it without a tenant")
        }
        guard aggregator.fault(origin: log) == nil else {
            throw Problem.unavailable("home: the log \(log) is damaged, so nobody can say whose node it is")
        }
        guard let home = aggregator.log(origin: log) else { return }
        let key = home.sequencer.withIntake { $0.signers.signers[node]?.currentKey }
        let claim = GuestProof(home: log, node: node, key: request.key.text)
        guard let key, claim.isProved(by: proof, key) else {
            throw Problem(.forbidden, "home_refused", "home: no node '\(node)' of \(log) answers for this key")
        }
        let settings = try await AccountsReader(home).read().accounts.settings
        let allowed = settings.json(Self.tenantsField, of: node, at: aggregator.clock.now())?.array ?? []
        guard allowed.compactMap(\.string).contains(where: { $0 == tenant.slug || $0 == tenant.origin }) else {
            throw Problem(
                .forbidden, "not_shared",
                "the home organization does not share \(node) with \(tenant.slug); it does so with "
                    + "'wattest node share \(node) --with \(tenant.slug)'")
        }
    }

    /// Says in the tenant's log where the node is at home: there it is a guest, and silent while it has no job.
    func setting(of request: Enrolment.Request, in runtime: LogRuntime, _ aggregator: Aggregator) -> [UInt8] {
        SetEntry(
            log: runtime.organization.origin, time: aggregator.clock.now(), field: NodeRegister.homeField,
            subject: request.node, value: JSONValue.string(log).rendered(.compact), effectiveFrom: nil,
            effectiveUntil: nil, by: "enrolment", reason: nil, salt: aggregator.clock.random(16)
        ).text
    }
}
