import Batches

extension BundleAudit {
    /// Corrections are arithmetic that is proved, and reasons that are claimed.
    ///
    /// - Parameter isPartial: true where entries are withheld: what a correction took may stand in them.
    func describe(_ corrections: CorrectionRegister, isPartial: Bool, _ report: inout AuditReport) {
        let all = corrections.corrections
        guard !all.isEmpty else { return }
        report.counts.append(("corrections", Int64(all.count)))
        report.proved.append(
            "\(all.count) corrections moved energy between accounts once each, and no sum of a node or hour changed")
        for correction in all {
            let moved = correction.moved.reduce(Int128(0)) { $0 + Int128($1) }
            let stated = correction.entry.moves.reduce(Int128(0)) { $0 + Int128($1.microjoules) }
            let reason = isPartial ? "which is all that the shown entries have" : "as there was no more"
            let shortfall = moved == stated ? "" : " of \(stated) stated, \(reason)"
            report.claimed.append(
                "that entry \(correction.index) rightly moves \(moved) µJ\(shortfall):"
                    + " \(correction.entry.by) says '\(correction.entry.reason)'")
        }
    }
}
