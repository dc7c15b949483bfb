/// For whom a disclosure is made, and so what it shows. Every audience gets the same totals from the same evidence.
package enum Audience: String, Sendable, Hashable, CaseIterable {
    /// Totals, coverage and limits. No job and no node is named.
    case `public`
    /// The documentation that the AI Office may ask for: every job under its pseudonym, nodes counted and not named.
    case aiOffice = "ai-office"
    /// A market surveillance authority: jobs and nodes by name, without the names of people.
    case authority
    /// Providers who build on the model: what was trained and for how long, no energy.
    case downstream
    /// An auditor under contract: everything.
    case assurer

    package var showsJobs: Bool { self != .public && self != .downstream }
    /// The model documentation form gives energy to the AI Office and to authorities on request, not downstream.
    package var showsEnergy: Bool { self != .downstream }
    /// Job keys, clusters, names and labels.
    package var showsNames: Bool { self == .authority || self == .assurer }
    package var showsNodes: Bool { self == .authority || self == .assurer }

    /// What this audience does not see, for the report's own list of what is missing.
    var withheld: [(field: String, reason: String)] {
        var withheld: [(String, String)] = []
        if !showsEnergy {
            for field in ["energy", "emissions", "zones", "pue", "water", "embodied", "reconciliation"] {
                withheld.append((field, "withheld from this audience"))
            }
        }
        if !showsJobs { withheld.append(("jobs", "withheld from this audience; runs carry their sums")) }
        if showsJobs, !showsNames {
            withheld.append(("jobs[].key", "withheld from this audience; pseudonyms stand for keys"))
        }
        if !showsNodes { withheld.append(("jobs[].by_node", "withheld from this audience; coverage counts the nodes")) }
        return withheld
    }
}
