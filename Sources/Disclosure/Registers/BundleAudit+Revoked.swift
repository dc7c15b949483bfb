extension BundleAudit {
    /// What a stolen key may have made before anybody knew.
    func describe(_ runs: [RevokedRegister.Run], _ report: inout AuditReport) {
        guard !runs.isEmpty else { return }
        report.counts.append(("batches_behind_revocation", runs.reduce(0) { $0 + $1.batches }))
        for run in runs {
            report.notCovered.append(
                "who made batches \(run.firstSequence) to \(run.lastSequence) of chain \(run.incarnation)"
                    + " (\(run.batches), \(run.microjoules) µJ): the key of \(run.node) was revoked at entry"
                    + " \(run.revokedAt) back to a place in front of them")
        }
    }
}
