import Emissions
import JSONText

/// Figures with no more digits than the report's uncertainty bears.
///
/// It takes the uncertainty as the report prints it, so that whoever has the report can check each figure. Exact
/// microjoules stay exact: they are evidence, not statements of accuracy.
struct BorneFigures {
    private let relativeExpanded: Double?

    /// - Parameter printed: `uncertainty.relative_k2` of a report; null when it is not known, and nothing is rounded.
    init(printed: JSONValue?) { relativeExpanded = printed?.number?.double }

    /// By what a finished report says of itself.
    init(of report: JSONValue) { self.init(printed: report["uncertainty"]?["relative_k2"]) }

    var areKnown: Bool { relativeExpanded != nil }

    /// How many figures a value bears; nil when the uncertainty is not known.
    func count(of value: ExactRatio) -> Int? {
        relativeExpanded.map { UncertaintyBudget.significantFigures(value: value, relativeExpanded: $0) }
    }

    func rounded(_ value: ExactRatio) -> DecimalFigure? {
        count(of: value).flatMap { try? value.rounded(significant: $0) }
    }

    func figure(_ value: JSONValue) -> JSONValue {
        guard areKnown, let text = value.number?.text, let figure = try? DecimalFigure(parsing: text),
            let rounded = rounded(figure.ratio)
        else { return value }
        return JSONNumber(text: rounded.text).map { .number($0) } ?? value
    }

    /// The named members of an object, or of each object of a list; others stay as they are.
    func members(_ names: [String], of value: JSONValue) -> JSONValue {
        guard areKnown else { return value }
        if let items = value.array { return .array(items.map { members(names, of: $0) }) }
        guard var object = value.object else { return value }
        for name in names {
            if let member = object[name] { object.set(name, figure(member)) }
        }
        return .object(object)
    }

    /// The named members of the objects in a list that is itself a member.
    func members(_ names: [String], in list: String, of value: JSONValue) -> JSONValue {
        guard areKnown else { return value }
        if let items = value.array { return .array(items.map { members(names, in: list, of: $0) }) }
        guard var object = value.object, let items = object[list] else { return value }
        object.set(list, members(names, of: items))
        return .object(object)
    }
}
