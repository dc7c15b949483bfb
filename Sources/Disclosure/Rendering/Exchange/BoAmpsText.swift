import JSONText

/// A report in the data model of BoAmps (Boavizta, CC BY 4.0; schemas of its `model` folder): one for the
/// organization, one measure for each model and class.
///
/// Its fields for the algorithm and the data set are required; what is not known of them is left out or `other`.
enum BoAmpsText {
    static func render(_ source: ModelEnergy) -> [UInt8] {
        var object = JSONObject()
        object.append("header", header(source))
        object.append("task", task(source))
        object.append("measures", .array(measures(source)))
        object.append("infrastructure", infrastructure(source))
        if let environment = environment(source) { object.append("environment", environment) }
        if let quality = quality(source) { object.append("quality", .string(quality)) }
        return JSONValue.object(object).rendered(.pretty)
    }

    private static func header(_ source: ModelEnergy) -> JSONValue {
        let isPublic = source.report["audience"]?.string == "public"
        return [
            "formatVersionSpecificationUri": "https://github.com/Boavizta/BoAmps/tree/main/model",
            "reportId": .string(source.uuid("boamps")), "reportDatetime": .string(time(source.periodEnd)),
            "reportStatus": "draft",
            "publisher": [
                "name": .string(source.organization), "confidentialityLevel": isPublic ? "public" : "confidential",
            ],
        ]
    }

    private static func task(_ source: ModelEnergy) -> JSONValue {
        var stages: [String] = []
        for run in source.runs where !stages.contains(run.activity) { stages.append(run.activity) }
        let algorithms: [JSONValue] = source.models.map { ["algorithmName": .string($0)] }
        return [
            "taskStage": .string(stages.isEmpty ? "other" : stages.joined(separator: "+")),
            "taskFamily": "machine learning",
            "algorithms": .array(algorithms.isEmpty ? [["algorithmName": "none"]] : algorithms),
            "dataset": [["dataUsage": "input", "dataType": "other"]],
            "taskDescription": .string(
                source.facts.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")),
        ]
    }

    private static func measures(_ source: ModelEnergy) -> [JSONValue] {
        let rules = (source.report["method"]?["measure"]?.array ?? []).compactMap(\.string).joined(separator: "+")
        let method = "wattest" + (rules.isEmpty ? "" : " \(rules)")
        guard !source.runs.isEmpty else {
            return [["measurementMethod": .string(method), "powerConsumption": 0]]
        }
        return source.runs.map { run in
            var measure = JSONObject()
            measure.append("measurementMethod", .string("\(method), \(run.model), \(run.jobClass)"))
            measure.append("powerConsumption", run.kilowattHours)
            if run.wallclockSeconds > 0 { measure.append("measurementDuration", .integer(run.wallclockSeconds)) }
            measure.append("measurementDateTime", .string(time(source.periodStart)))
            return .object(measure)
        }
    }

    private static func infrastructure(_ source: ModelEnergy) -> JSONValue {
        let nodes = source.report["coverage"]?["nodes_reporting"]?.int64 ?? 0
        return ["infraType": "other", "components": [["componentType": "node", "nbComponent": .integer(nodes)]]]
    }

    /// Where all zones lie in one country.
    private static func environment(_ source: ModelEnergy) -> JSONValue? {
        let zones = (source.report["zones"]?.array ?? []).compactMap { $0["zone"]?.string }
        let countries = Set(zones.map { String($0.prefix { $0 != "-" }) })
        guard countries.count == 1, let country = countries.first else { return nil }
        var environment = JSONObject()
        environment.append("country", .string(country))
        environment.append("location", .string(zones.joined(separator: ", ")))
        return .object(environment)
    }

    /// Its three grades are ±10, ±25 and ±50 %.
    private static func quality(_ source: ModelEnergy) -> String? {
        guard let share = source.report["uncertainty"]?["relative_k2"]?.number?.double else { return nil }
        return share <= 0.10 ? "high" : share <= 0.25 ? "medium" : "low"
    }

    /// `2024-05-17T04:00:00Z` as `2024-05-17 04:00:00`.
    private static func time(_ text: String) -> String {
        String(text.replacing("T", with: " ").prefix(19))
    }
}
