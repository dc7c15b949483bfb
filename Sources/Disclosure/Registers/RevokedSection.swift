import JSONText

/// Batches of a report's period that a key signed behind the last place at which its revocation trusts it.
struct RevokedSection {
    private let runs: [RevokedRegister.Run]
    private let audience: Audience

    init(_ input: DisclosureInput) {
        runs = input.accounts.revoked
        audience = input.audience
    }

    var json: JSONValue {
        .array(
            runs.map { run in
                [
                    "node": .text(audience.showsNodes ? run.node : nil), "entry": .decimalString(run.revokedAt),
                    "chain": .decimalString(run.incarnation), "first_seq": .decimalString(run.firstSequence),
                    "last_seq": .decimalString(run.lastSequence), "batches": .integer(run.batches),
                    "energy_uj": audience.showsEnergy ? .decimalString(run.microjoules) : .null,
                ]
            })
    }
}
