import Accounts
import Emissions
import Energy
import JSONText

/// Relative uncertainty of the organization's energy, from the accuracy classes of the meters at each boundary.
///
/// Meters of one boundary err alike (one maker, one calibration), so a boundary's limit stands for all of its energy;
/// boundaries are independent.
struct MeterUncertainty {
    let relativeExpanded: Double?
    let missing: String?
    private let method: String

    init(_ input: DisclosureInput, _ energy: EnergyBreakdown) {
        var parts: [(microjoules: Int128, relativeStandard: Double)] = []
        var words: [String] = []
        var lacking: [String] = []
        for boundary in Boundary.allCases {
            guard let microjoules = energy.byBoundary[boundary], microjoules != 0 else { continue }
            let setting = input.accounts.settings.json(
                SettingField.meterClass, of: boundary.name, at: input.closingTime)
            guard let limit = Self.figure(setting?["relative_limit"]) ?? Self.figure(setting), 0 < limit, limit < 1
            else {
                lacking.append(boundary.name)
                continue
            }
            let component = UncertaintyBudget.Component(boundary.name, relativeLimit: limit)
            parts.append((microjoules, component.relativeStandard))
            let source = setting?["source"]?.string.map { " (\($0))" } ?? ""
            words.append("\(boundary.name) limit \(limit * 100) %\(source)")
        }
        guard lacking.isEmpty, !parts.isEmpty else {
            relativeExpanded = nil
            method = ""
            missing =
                lacking.isEmpty
                ? "nothing was measured in this period"
                : "no meter class is set for the boundary \(lacking.joined(separator: ", ")); set "
                    + SettingField.meterClass
            return
        }
        relativeExpanded = 2 * UncertaintyBudget.ofSum(parts)
        method =
            "k = 2; accuracy limits taken as rectangular (limit / \u{221A}3), boundaries independent: "
            + words.joined(separator: "; ")
        missing = nil
    }

    /// A decimal as number or text, as in every other setting.
    private static func figure(_ value: JSONValue?) -> Double? { ((try? SiteWater.figure(value)) ?? nil)?.double }

    var borne: BorneFigures { BorneFigures(printed: json["relative_k2"]) }

    var json: JSONValue {
        guard let relativeExpanded else { return ["relative_k2": .null, "method": .null] }
        // Two figures, as the GUM asks of an uncertainty.
        let text = (try? DecimalFigure(parsing: "\(relativeExpanded)").ratio.rounded(significant: 2).text) ?? ""
        return [
            "relative_k2": JSONNumber(text: text).map { .number($0) } ?? .null, "method": .string(method),
        ]
    }
}
