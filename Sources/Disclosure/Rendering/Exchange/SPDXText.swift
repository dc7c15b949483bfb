import JSONText

/// SPDX 3.0.1 as JSON-LD: each model an AI package with its energy by activity (AI profile, `energyConsumption`).
///
/// The profile knows training, fine-tuning and inference; energy of other activities stands in the package's comment,
/// so that none is counted as training that was not.
enum SPDXText {
    static func render(_ source: ModelEnergy) -> [UInt8] {
        let base = "urn:uuid:\(source.uuid("spdx"))"
        let creation = "_:creation"
        var graph: [JSONValue] = [
            [
                "type": "CreationInfo", "@id": .string(creation), "specVersion": "3.0.1",
                // The report has no clock: what it says was so at the end of its period.
                "created": .string(source.periodEnd), "createdBy": [.string("\(base)#organization")],
                "comment": "created is the end of the reporting period",
            ],
            [
                "type": "Organization", "spdxId": .string("\(base)#organization"), "creationInfo": .string(creation),
                "name": .string(source.organization),
            ],
        ]
        var packages: [JSONValue] = []
        for (index, model) in source.models.enumerated() {
            let id = "\(base)#model-\(index + 1)"
            packages.append(.string(id))
            graph.append(package(model, id: id, base: base, source, creation))
        }
        graph.append([
            "type": "SpdxDocument", "spdxId": .string("\(base)#document"), "creationInfo": .string(creation),
            "name": .string("Energy of the models of \(source.organization)"),
            "profileConformance": ["core", "software"],
            "rootElement": packages.isEmpty ? [.string("\(base)#organization")] : .array(packages),
            "element": .array([.string("\(base)#organization")] + packages),
            "comment": .string(source.facts.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")),
        ])
        let document: JSONValue = [
            "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": .array(graph),
        ]
        return document.rendered(.pretty)
    }

    private static func package(
        _ model: String, id: String, base: String, _ source: ModelEnergy, _ creation: String
    ) -> JSONValue {
        let runs = source.runs.filter { $0.model == model }
        var energy = JSONObject()
        energy.append("type", "ai_EnergyConsumption")
        let members = [
            ("fine-tuning", "ai_finetuningEnergyConsumption"), ("inference", "ai_inferenceEnergyConsumption"),
            ("training", "ai_trainingEnergyConsumption"),
        ]
        for (activity, member) in members {
            let parts = runs.filter { $0.activity == activity }
            guard !parts.isEmpty else { continue }
            energy.append(
                member,
                .array(
                    parts.map { run in
                        [
                            "type": "ai_EnergyConsumptionDescription", "ai_energyQuantity": run.kilowattHours,
                            "ai_energyUnit": "kilowattHour",
                        ]
                    }))
        }
        let others = runs.filter { run in !members.contains { $0.0 == run.activity } }
        var object = JSONObject()
        object.append("type", "ai_AIPackage")
        object.append("spdxId", .string(id))
        object.append("creationInfo", .string(creation))
        object.append("name", .string(model))
        object.append("suppliedBy", .string("\(base)#organization"))
        object.append("software_primaryPurpose", "model")
        if energy.count > 1 { object.append("ai_energyConsumption", .object(energy)) }
        let words = others.map { run in
            "\(run.activity) (\(run.jobClass)): \(run.kilowattHours.number?.text ?? "–") kWh"
        }
        if !words.isEmpty { object.append("comment", .string(words.joined(separator: "; "))) }
        return .object(object)
    }
}
