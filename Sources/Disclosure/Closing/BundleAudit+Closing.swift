import Energy
import JSONText

extension BundleAudit {
    /// What the closes of books prove, and what came behind them.
    func describe(_ closings: ClosingRegister, _ report: inout AuditReport) {
        let complete = closings.closings.filter(\.isComplete)
        guard !closings.closings.isEmpty else {
            return report.notCovered.append(
                "whether entries were dropped at the end of a period: the log closes no books, which state where every"
                    + " chain stood")
        }
        report.counts.append(("closes", Int64(complete.count)))
        report.proved.append(
            "\(complete.count) closes of books state the sums, the nodes and the end of every chain as the entries in"
                + " front of them give them")
        for closing in complete where closing.lateBatches > 0 {
            let period = closing.mark.period
            report.notCovered.append(
                "why \(closing.lateBatches) batches of \(TimeText.rfc3339(period.start)) to"
                    + " \(TimeText.rfc3339(period.end)) came after its books were closed at entry \(closing.index);"
                    + " the figures have them")
        }
        for closing in closings.closings where !closing.isComplete {
            report.notCovered.append(
                "the close at entry \(closing.index), of which \(closing.partsLogged) of \(closing.parts) parts were"
                    + " logged")
        }
    }
}
