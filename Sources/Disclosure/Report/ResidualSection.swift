import Emissions

/// Hours in which the parts of a node show more than the node: `rest` below −3 % of the whole. Either figure may be
/// the wrong one, a part that is counted twice or a meter on one of two cords, so that both stay and the doubt is told.
///
/// Judged over whole hours of a node, all accounts together: what a slow meter lags behind a load that changes, it
/// makes up for within minutes.
struct ResidualSection {
    private let sums: PeriodSums

    init(_ sums: PeriodSums) { self.sums = sums }

    var check: SelfCheck {
        guard !sums.doubts.isEmpty else {
            return SelfCheck(
                id: Self.identifier, passed: true,
                detail: "no node's parts exceed the node by 3 % in any of \(sums.measuredHours) hours of nodes")
        }
        let doubts = sums.doubts.sorted { $0.node < $1.node }
        var parts = doubts.prefix(Self.maximumNodesTold).map { doubt in
            "\(doubt.node): rest \(doubt.rest) of \(doubt.root) µJ in \(doubt.hours) hours"
        }
        if doubts.count > parts.count { parts.append("and \(doubts.count - parts.count) nodes more") }
        return SelfCheck(
            id: Self.identifier, passed: false,
            detail: "the parts of a node show more than the node: " + parts.joined(separator: "; "))
    }

    static let identifier = "residual"
    private static let maximumNodesTold = 16
}
