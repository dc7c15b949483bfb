import JSONText

/// Values and names of fields in a reader's words.
extension ReportText {
    /// `2026-01-01T00:00:00Z` as `2026-01-01 00:00`; a dash for none.
    static func time(_ value: JSONValue?) -> String {
        guard let text = value?.string, text.utf8.count >= 16 else { return HTMLText.plain(value) }
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
    }

    /// Milliseconds as hours with two decimals.
    static func hours(milliseconds: JSONValue?) -> String { hours(milliseconds?.decimalString, of: 3_600_000) }

    static func hours(seconds: JSONValue?) -> String { hours(seconds?.int64, of: 3600) }

    /// A little that is missing is not nothing.
    private static func hours(_ count: Int64?, of hour: Int128) -> String {
        guard let count, let text = Figure.text(Int128(count), hour, decimals: 2) else { return "–" }
        return count > 0 && text == "0" ? "below 0.01" : text
    }

    /// `84000000000000000000000` as `8.4e22`; shorter counts as they are.
    static func count(_ value: JSONValue?) -> String {
        let text = HTMLText.plain(value)
        guard text.utf8.count > 9, text.allSatisfy(\.isWholeNumber) else { return text }
        let digits = text.prefix(3)
        let decimals = String(digits.dropFirst()).replacing(/0+$/, with: "")
        return "\(digits.prefix(1))\(decimals.isEmpty ? "" : ".\(decimals)")e\(text.utf8.count - 1)"
    }

    /// Where a meter sits, in words.
    static func boundary(_ name: String) -> String {
        switch name {
        case "facility": "at the meter of the whole site (facility)"
        case "node-ac": "at the power inlet of each computer (node-ac)"
        case "node-dc": "behind the power supply of each computer (node-dc)"
        case "component": "at parts of each computer, none of which is all of it (component)"
        case "accelerator": "at the accelerators alone (accelerator)"
        case "network": "at switches (network)"
        default: "at \(name)"
        }
    }

    /// What a bar of a component or of a provenance is about, where its name alone does not say it.
    static func meaning(_ name: String) -> String? {
        switch name {
        case "rest": "rest is what a computer drew beside the parts that have meters of their own"
        case "counter": "counter is what energy counters in the hardware showed"
        case "integrated": "integrated was added up from power meters while the work ran"
        case "recorded": "recorded comes from logs of power that were brought in afterwards"
        case "estimated": "estimated was worked out, not measured"
        default: nil
        }
    }

    /// What a check looks at, in words.
    static func check(_ id: String) -> String {
        switch id {
        case "lines": "The lines add up to the total"
        case "jobs": "The jobs add up to the energy of jobs"
        case "conservation": "Every reading is counted once"
        case "breakdowns": "Each breakdown adds up to the total"
        case "classes": "The uses add up to the energy of jobs"
        case "by_node": "The computers of each job add up to it"
        case "windows": "Every job ends after it begins"
        case "nodes": "As many computers reported as were given"
        case "coverage": "No time is counted twice"
        case "pue": "Cooling and supply only add energy"
        case "implied-factor": "Emissions lie where grids lie"
        case "power": "No computer draws more than it can"
        case "figures-within-uncertainty": "No figure has more digits than are known"
        case "residual": "Parts draw no more than their computer"
        default: id.replacing("-", with: " ").replacing("_", with: " ")
        }
    }
}
