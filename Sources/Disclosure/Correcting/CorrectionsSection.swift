import Batches
import Energy
import JSONText
import TransparencyLog

/// The corrections of a report's period: what a person moved to another account, why, and how much that changes.
struct CorrectionsSection {
    private let corrections: [CorrectionRegister.Correction]
    private let hours: ClosedRange<Int64>
    private let inside: Int128
    private let audience: Audience

    /// - Parameter inside: the organization's energy of the period.
    init(_ input: DisclosureInput, inside: Int128) {
        let hours = input.period.start.hour...input.period.lastHour
        self.hours = hours
        self.inside = inside
        audience = input.audience
        corrections = input.accounts.corrections.corrections.filter { $0.touches(hours) }
    }

    var json: JSONValue { .array(corrections.map(json)) }

    private func json(_ correction: CorrectionRegister.Correction) -> JSONValue {
        let moved = correction.moved(in: hours)
        let showsEnergy = audience.showsEnergy
        return [
            "entry": .decimalString(correction.index), "time": TimeText.json(correction.entry.time),
            "by": .text(audience.showsNames ? correction.entry.by : nil), "reason": .string(correction.entry.reason),
            "refers_to": .text(correction.entry.refersTo?.base64),
            "stated_uj": showsEnergy ? .decimalString(correction.stated(in: hours)) : .null,
            "moved_uj": showsEnergy ? .decimalString(moved) : .null,
            "moved_share": showsEnergy ? Figure.ratio(moved, inside) ?? .null : .null,
            "effect": audience.showsJobs && showsEnergy
                ? .array(
                    correction.effect(in: hours).map { account, microjoules in
                        ["account": .string(account), "uj": .decimalString(microjoules)]
                    }) : [],
        ]
    }
}
