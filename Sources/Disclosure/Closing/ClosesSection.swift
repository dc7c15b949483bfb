import Energy
import JSONText

/// The closes of books that touch a report's period, each with what came too late for it.
struct ClosesSection {
    private let closings: [ClosingRegister.Closing]

    init(_ input: DisclosureInput) {
        closings = input.accounts.closings.closings.filter {
            $0.isComplete && $0.mark.period.intersection(input.period) != nil
        }
    }

    var json: JSONValue {
        .array(
            closings.map { closing in
                [
                    "period": [
                        "start": TimeText.json(closing.mark.period.start),
                        "end": TimeText.json(closing.mark.period.end),
                    ],
                    "entry": .decimalString(closing.index), "size": .decimalString(closing.mark.size),
                    "late_batches": .integer(closing.lateBatches),
                    "late_corrections": .integer(closing.lateCorrections),
                ]
            })
    }
}
