import JSONText

/// The lineage of a figure, or the list of figures, for a person.
struct LineagePage {
    let answer: JSONValue

    var text: String {
        let more = answer["next"]?.string.map { "More: --after '\($0)'\n" } ?? ""
        return (answer["figure"] == nil ? figures : terms) + more
    }

    private var figures: String {
        var table = TextTable(
            ("figure", .left), ("in the report", .right), ("µJ of its node-hours", .right), ("node-hours", .right),
            ("agree", .left))
        for item in answer["items"]?.array ?? [] {
            table.add(
                FigureText.text(item["figure"]), FigureText.text(item["in_report"]),
                FigureText.text(item["terms_uj"]), FigureText.text(item["terms"]), Self.word(listed: item))
        }
        return table.isEmpty ? "Nothing was measured in this period.\n" : table.text
    }

    private var terms: String {
        var table = TextTable(
            ("hour", .left), ("node", .left), ("account", .left), ("how", .left), ("µJ", .right), ("batches", .right),
            ("first entry", .right), ("last entry", .right), ("zone", .left), ("g/kWh", .right), ("PUE", .right),
            ("set by entry", .left))
        for item in answer["items"]?.array ?? [] {
            let batches = item["batches"]?.array ?? []
            table.add(
                FigureText.text(item["hour"]), FigureText.text(item["node"]),
                item["job"]?.string ?? FigureText.text(item["account"]), FigureText.text(item["provenance"]),
                FigureText.text(item["uj"]), "\(batches.count)", FigureText.text(batches.first?["index"]),
                FigureText.text(batches.last?["index"]), FigureText.text(item["zone"]),
                FigureText.text(item["factor"]?["g_per_kwh"]), FigureText.text(item["pue"]?["value"]),
                Self.inputs(item["inputs"]))
        }
        let inputs = Self.inputs(answer["inputs"])
        return """
            \(FigureText.text(answer["figure"])) is \(FigureText.text(answer["in_report"])): \
            \(FigureText.text(answer["terms"])) node-hours of \(FigureText.text(answer["terms_uj"])) µJ \
            over \(FigureText.text(answer["size"])) entries, \(FigureText.text(answer["rule"])); \
            agrees: \(Self.word(answer["agrees"]))

            """ + (inputs.isEmpty ? "" : "It rests on \(inputs).\n") + table.text
    }

    /// Each with the index of its entry.
    private static func inputs(_ value: JSONValue?) -> String {
        (value?.array ?? []).map { input in
            let subject = input["subject"]?.string.map { " \($0)" } ?? ""
            return "\(FigureText.text(input["field"]))\(subject) \(FigureText.text(input["index"]))"
        }.joined(separator: ", ")
    }

    /// What follows from more than the node-hours is made again for one figure at a time.
    private static func word(listed item: JSONValue) -> String {
        guard item["agrees"]?.bool == nil, let shown = item["in_report"], !shown.isNull else {
            return word(item["agrees"])
        }
        return "by --figure"
    }

    private static func word(_ value: JSONValue?) -> String {
        guard let agrees = value?.bool else { return "-" }
        return agrees ? "yes" : "NO"
    }
}

/// A drawn sample, for a person.
struct SamplePage {
    let answer: JSONValue

    var text: String {
        var table = TextTable(
            ("draw", .right), ("entry", .right), ("chain", .right), ("seq", .right), ("node", .left), ("hour", .left),
            ("account", .left), ("µJ of the batch", .right))
        for item in answer["items"]?.array ?? [] {
            let batch = item["batch"]
            table.add(
                FigureText.text(item["draw"]), FigureText.text(batch?["index"]), FigureText.text(batch?["chain"]),
                FigureText.text(batch?["seq"]), FigureText.text(item["node"]), FigureText.text(item["hour"]),
                item["job"]?.string ?? FigureText.text(item["account"]), FigureText.text(batch?["uj"]))
        }
        let entries = answer["entries"]?.array ?? []
        return """
            \(FigureText.text(answer["n"])) draws of seed '\(FigureText.text(answer["seed"]))' from \
            \(FigureText.text(answer["population_uj"])) µJ of \(FigureText.text(answer["figure"])) \
            over \(FigureText.text(answer["size"])) entries: \(entries.count) batches

            """ + table.text
    }
}
