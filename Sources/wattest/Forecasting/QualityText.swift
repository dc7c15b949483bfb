import Emissions
import JSONText

/// Energy per point of quality, for JSON and for a reader.
struct QualityText {
    let price: QualityPrice

    var json: JSONValue {
        [
            "kwh_per_point": EstimateText.json(price.kilowattHoursPerPoint),
            "decline": EstimateText.json(price.decline),
            "steps": .array(
                price.steps.map { step in
                    [
                        "energy_uj": .decimalString(step.microjoules), "gain": EstimateText.json(step.gain),
                        "kwh_per_point": EstimateText.json(step.kilowattHoursPerPoint),
                    ]
                }),
        ]
    }

    var rows: [(String, String)] {
        var rows = [("a point cost", "\(EstimateText.text(price.kilowattHoursPerPoint)) kWh")]
        if let decline = price.decline {
            rows.append(("the last point", "\(EstimateText.text(decline)) times as much as the first"))
        }
        if let last = price.steps.last, last.kilowattHoursPerPoint == nil {
            rows.append(("", "the last step gained nothing for its energy"))
        }
        return rows
    }
}
