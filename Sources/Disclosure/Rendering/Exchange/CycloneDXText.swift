import JSONText

/// CycloneDX 1.6: each model a component with `modelCard.considerations.environmentalConsiderations`.
///
/// The format has one figure for CO2, which is the location-based one, and none for boundary, method or PUE, which are
/// properties.
enum CycloneDXText {
    static func render(_ source: ModelEnergy) -> [UInt8] {
        let bom: JSONValue = [
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX",
            "specVersion": "1.6", "serialNumber": .string("urn:uuid:\(source.uuid("cyclonedx"))"), "version": 1,
            "metadata": [
                "tools": ["components": [["type": "application", "name": "wattest"]]],
                "supplier": ["name": .string(source.organization)], "properties": properties(source.facts),
            ],
            "components": .array(source.models.enumerated().map { component($1, number: $0, source) }),
        ]
        return bom.rendered(.pretty)
    }

    private static func component(_ model: String, number: Int, _ source: ModelEnergy) -> JSONValue {
        let runs = source.runs.filter { $0.model == model }
        return [
            "type": "machine-learning-model", "bom-ref": .string("model-\(number + 1)"), "name": .string(model),
            "modelCard": [
                "considerations": [
                    "environmentalConsiderations": [
                        "energyConsumptions": .array(runs.map { consumption($0, source) })
                    ]
                ]
            ],
        ]
    }

    private static func consumption(_ run: ModelEnergy.Run, _ source: ModelEnergy) -> JSONValue {
        let cost: JSONValue = ["value": run.kilowattHours, "unit": "kWh"]
        let zones = (source.report["zones"]?.array ?? []).compactMap { $0["zone"]?.string }
        var object = JSONObject()
        object.append("activity", .string(run.activity))
        object.append(
            "energyProviders",
            [
                [
                    "description": .string(
                        zones.isEmpty ? "grid zone not stated" : "grid zones \(zones.joined(separator: ", "))"),
                    "organization": ["name": "not stated"], "energySource": "unknown", "energyProvided": cost,
                ]
            ])
        object.append("activityEnergyCost", cost)
        var facts = [
            ("wattest:class", run.jobClass), ("wattest:jobs", "\(run.jobCount)"),
            ("wattest:energy-uj", "\(run.microjoules)"),
        ]
        if let tonnes = source.tonnes(of: run) {
            object.append("co2CostEquivalent", ["value": tonnes, "unit": "tCO2eq"])
            facts.append(
                ("wattest:co2e-basis", "location-based, in the ratio of energies of the organization's report"))
        }
        object.append("properties", properties(facts))
        return .object(object)
    }

    private static func properties(_ facts: [(name: String, value: String)]) -> JSONValue {
        .array(facts.map { ["name": .string($0.name), "value": .string($0.value)] })
    }
}
