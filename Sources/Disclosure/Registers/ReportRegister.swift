package import Batches

/// The disclosures that the log knows of, and what arrived too late for each.
package struct ReportRegister: Sendable, Hashable, Codable {
    package struct Issue: Sendable, Hashable, Codable {
        package var entry: ReportEntry
        package var index: UInt64
        /// Batches of its period that stand behind the prefix which it reports on.
        package var lateBatches: Int64
        /// Corrections of its period behind that prefix.
        package var lateCorrections: Int64

        package init(entry: ReportEntry, index: UInt64, lateBatches: Int64, lateCorrections: Int64 = 0) {
            self.entry = entry
            self.index = index
            self.lateBatches = lateBatches
            self.lateCorrections = lateCorrections
        }
    }

    package private(set) var issues: [Issue] = []

    package init() {}
    package init(issues: [Issue]) { self.issues = issues }

    mutating func append(_ issue: Issue) { issues.append(issue) }
}
