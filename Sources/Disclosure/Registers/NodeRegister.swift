package import Batches
package import Energy
import JSONText

/// Whatever measures in a log, by name: nodes, and sources such as a switch that belong to no node.
package struct NodeRegister: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, CaseIterable, Codable { case node, source }

    package struct Member: Sendable, Hashable, Codable {
        package var name: String
        package var kind: Kind
        /// As enrolled; the importer's for a recorded log, nil when neither says.
        package var site: String?
        /// From when to when it was enrolled, by the administration's clock: then its silence is a finding. A recorded
        /// log alone promises nothing.
        package var enrolled: UTCTime?
        package var retired: UTCTime?
        /// Origin of the log whose node it is, nil where it is this one's: a guest is silent while nobody of this
        /// organization is on it.
        package var home: String?

        package init(name: String, kind: Kind, site: String?, enrolled: UTCTime? = nil, retired: UTCTime? = nil) {
            self.name = name
            self.kind = kind
            self.site = site
            self.enrolled = enrolled
            self.retired = retired
        }

        package func isExpected(in period: UTCInterval) -> Bool {
            guard kind == .node, home == nil, let enrolled else { return false }
            return enrolled < period.end && retired.map { period.start < $0 } ?? true
        }
    }

    package private(set) var members: [String: Member] = [:]
    /// Home logs of guests, by the name that a node has here; told before it is enrolled.
    private var homes: [String: String] = [:]

    /// The setting that names the home log of a guest.
    package static let homeField = "node.home"

    package init() {}

    package init(members: [Member]) {
        for member in members { self.members[member.name] = member }
    }

    package func kind(of name: String) -> Kind { members[name]?.kind ?? .node }
    package func site(of name: String) -> String? { members[name]?.site }

    /// Takes an entry in log order.
    ///
    /// - Parameter importerSite: site of the signer of an import.
    package mutating func apply(_ entry: Entry, importerSite: String?) {
        switch entry {
        case .node(let node) where node.role == .node:
            switch node.action {
            case .enrol:
                members[node.node] = Member(name: node.node, kind: .node, site: node.site, enrolled: node.time)
                members[node.node]?.home = homes[node.node]
            case .retire: members[node.node]?.retired = node.time
            case .rotate, .revoke: break
            }
        case .set(let set) where set.field == Self.homeField:
            guard let subject = set.subject else { return }
            homes[subject] = (try? JSONValue(parsing: set.value))?.string
            members[subject]?.home = homes[subject]
        case .imported(let imported):
            let kind: Kind = imported.subject == .source ? .source : .node
            guard var known = members[imported.node] else {
                members[imported.node] = Member(name: imported.node, kind: kind, site: importerSite)
                return
            }
            // Called a source afterwards, a node would vanish from the count of nodes that have to report.
            if known.kind == .source { known.kind = kind }
            members[imported.node] = known
        default: break
        }
    }
}
