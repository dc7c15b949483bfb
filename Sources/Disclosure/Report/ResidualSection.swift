import Accounts
import Emissions
import Energy

/// Hours in which the parts of a node show more than the node: `rest` below −3 % of the whole. Either figure may be
/// the wrong one, a part that is counted twice or a meter on one of two cords, so that both stay and the doubt is told.
///
/// Judged over whole hours of a node, all accounts together: what a slow meter lags behind a load that changes, it
/// makes up for within minutes.
struct ResidualSection {
    struct NodeHour: Sendable, Hashable {
        var node: String
        var hour: Int64
    }

    private struct Sum {
        var root: Int128 = 0
        var rest: Int128 = 0

        /// Below −3 % of the root.
        var isDoubtful: Bool { rest * 100 < root * -3 }
    }

    private var sums: [NodeHour: Sum] = [:]
    /// The hours that are in doubt.
    let doubts: Set<NodeHour>

    init(_ ledger: Ledger, period: UTCInterval?) {
        for (key, energy) in ledger.energy {
            if let period, !(period.start.hour...period.lastHour).contains(key.hour) { continue }
            switch key.account {
            // Not measured again, or not measured at all.
            case .superseded: continue
            default: if key.provenance == .synthetic { continue }
            }
            let place = NodeHour(node: key.node, hour: key.hour)
            sums[place, default: Sum()].root += energy.total - energy[.network]
            sums[place, default: Sum()].rest += energy[.rest]
        }
        doubts = Set(sums.filter { $0.value.isDoubtful }.keys)
    }

    var check: SelfCheck {
        guard !doubts.isEmpty else {
            return SelfCheck(
                id: Self.identifier, passed: true,
                detail: "no node's parts exceed the node by 3 % in any of \(sums.count) hours of nodes")
        }
        let byNode = Dictionary(grouping: doubts, by: \.node).sorted { $0.key < $1.key }
        var parts = byNode.prefix(Self.maximumNodesTold).map { node, hours in
            var sum = Sum()
            for hour in hours {
                sum.root += sums[hour]?.root ?? 0
                sum.rest += sums[hour]?.rest ?? 0
            }
            return "\(node): rest \(sum.rest) of \(sum.root) µJ in \(hours.count) hours"
        }
        if byNode.count > parts.count { parts.append("and \(byNode.count - parts.count) nodes more") }
        return SelfCheck(
            id: Self.identifier, passed: false,
            detail: "the parts of a node show more than the node: " + parts.joined(separator: "; "))
    }

    static let identifier = "residual"
    private static let maximumNodesTold = 16
}
