/// To whom a microjoule is posted. Every microjoule of every root sensor is posted to exactly one account.
package enum Account: Sendable, Hashable {
    case job(String)
    /// A job's energy while it held devices but ran no task.
    case idleReserved(String)
    case idle
    case unattributed
    /// An outage whose holder is not proven.
    case gap
    /// Another organization's share of a shared node, in the node's home log.
    case tenant
    /// An interval that another chain of the same node and sensor had already covered.
    case superseded

    /// Bytes that decide ties of the largest remainder, and the name in listings.
    package var key: String {
        switch self {
        case .job(let job): "job/\(job)"
        case .idleReserved(let job): "idle-reserved/\(job)"
        case .idle: "idle"
        case .unattributed: "unattributed"
        case .gap: "gap"
        case .tenant: "tenant"
        case .superseded: "superseded"
        }
    }

    /// The pseudonym of the job that pays, nil for the common accounts.
    package var job: String? {
        switch self {
        case .job(let job), .idleReserved(let job): job
        case .idle, .unattributed, .gap, .tenant, .superseded: nil
        }
    }

    /// The number under which the database stores the kind of account. Never renumbered.
    package var code: Int16 {
        switch self {
        case .job: 0
        case .idleReserved: 1
        case .idle: 2
        case .unattributed: 3
        case .gap: 4
        case .tenant: 5
        case .superseded: 6
        }
    }

    /// The account of a stored kind, nil for an unknown one or a job's kind without a job.
    package init?(code: Int16, job: String?) {
        switch (code, job) {
        case (0, let job?): self = .job(job)
        case (1, let job?): self = .idleReserved(job)
        case (2, _): self = .idle
        case (3, _): self = .unattributed
        case (4, _): self = .gap
        case (5, _): self = .tenant
        case (6, _): self = .superseded
        default: return nil
        }
    }
}

extension Account: Codable {
    private enum CodingKeys: CodingKey { case code, job }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(code, forKey: .code)
        try container.encodeIfPresent(job, forKey: .job)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let code = try container.decode(Int16.self, forKey: .code)
        guard let account = Account(code: code, job: try container.decodeIfPresent(String.self, forKey: .job)) else {
            throw DecodingError.dataCorruptedError(forKey: .code, in: container, debugDescription: "no such account")
        }
        self = account
    }
}

/// Which part of a node drew the energy.
package enum Component: Int, Sendable, Hashable, CaseIterable, Codable {
    case accelerator, cpu, dram
    /// A containing sensor less its parts: fans, boards, supplies; all of a node that has no measured parts.
    case rest
    case network

    package var name: String {
        switch self {
        case .accelerator: "accelerator"
        case .cpu: "cpu"
        case .dram: "dram"
        case .rest: "rest"
        case .network: "network"
        }
    }
}

/// The outermost layer at which a posting's energy was measured. Figures of different boundaries are never ranked
/// together.
package enum Boundary: Int16, Sendable, Hashable, CaseIterable, Codable {
    case facility = 1
    case nodeAC = 2
    case nodeDC = 3
    /// Parts of a node without a sensor around them.
    case component = 4
    case accelerator = 5
    case network = 6

    package var name: String {
        switch self {
        case .facility: "facility"
        case .nodeAC: "node-ac"
        case .nodeDC: "node-dc"
        case .component: "component"
        case .accelerator: "accelerator"
        case .network: "network"
        }
    }
}
