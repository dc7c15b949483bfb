import TransparencyLog

/// What a report does not claim, in words that need no knowledge of logs.
enum Limits {
    static func text(hasQuorum: Bool, hasMissing: Bool, hasRecorded: Bool, hasEstimates: Bool) -> [String] {
        var limits = [
            "A signature says who stated a reading and that it was not changed since. It does not say that the"
                + " sensor told the truth: a driver, kernel or sensor that lies is found only by an independent meter.",
            "A node that was never enrolled and is in no allocation list is not seen. Compare with the"
                + " inventory and with the meter of the facility.",
            "What a job is called, which model it trains and how it is classed are statements of people, recorded with"
                + " their author; they are not measured.",
            "Energy is that of the outermost sensor of each node. Cooling and conversion outside that boundary are in"
                + " facility_mwh alone, by the stated PUE.",
            "Whoever holds a node's key signs as that node, whether its owner, who may invent what it signs, or a thief"
                + " until the key is revoked. A thief of the log's key can append to the log as its operator would, and"
                + " show others another one until somebody holds two of its histories side by side.",
            "If a node signed two different readings for one place in its chain, the two prove it. Where nobody shows"
                + " the second one, nothing does.",
            "Whoever is root on a node and holds the scheduler's key as well can move energy between jobs before it is"
                + " signed.",
            "A node that delivers nothing any more is seen by its silence alone; what it measured since is in its own"
                + " spool, if anywhere.",
            "An entry is older than the checkpoint that covers it and younger than the one that its signer had seen."
                + " While a node is offline that bracket is wide; where a sensor shows power alone, its energy can be"
                + " wrong by as much as the node's clock within it.",
            "A report was issued only if an entry of the log announces it. Whatever else bears the operator's name is"
                + " no report of this log.",
            "If the owner of the nodes, the operator of the log and all of its witnesses are one party, nothing"
                + " technical is left. Independent witnesses and meters are the remedy.",
        ]
        limits.append(
            hasQuorum
                ? "Time is vouched for by the witnesses of the published policy as far as they cosigned the checkpoint;"
                    + " the verifier prints who did."
                : "Time is by the operator alone: no independent witness is asked for by the published policy, so"
                    + " a second log for other eyes would not be noticed.")
        if hasMissing {
            limits.append(
                "Some node-time has no reading. The totals of those jobs are lower bounds; nothing was filled in.")
        }
        if hasRecorded {
            limits.append(
                "Recorded logs were signed when they were imported. Their readings and times are claims of"
                    + " their source."
            )
        }
        if hasEstimates {
            limits.append("A part of the energy is estimated from declared figures, and is not in measured_uj.")
        }
        return limits
    }

    static func hasQuorum(_ policy: [UInt8]) -> Bool { (try? TrustPolicy(parsing: policy))?.quorum != nil }
}
