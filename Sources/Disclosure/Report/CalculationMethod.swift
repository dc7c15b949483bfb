package import JSONText

/// How figures follow from the energy of the accounts, by a number. What attributes the energy is the rule, which is
/// numbered apart.
///
/// A formula that changes is a new method. Old ones stay, so that an old report can be made again, a new one can be
/// held beside it, and a restatement can say what the method alone has changed. What was a plain fault of the program
/// is mended in all of them.
package enum CalculationMethod: Int, Sendable, Hashable, CaseIterable {
    case method1 = 1
    case method2

    /// A figure that another formula gives than in the method before.
    package struct Change: Sendable, Hashable {
        /// Members of the disclosure.
        package let figures: [String]
        package let text: String
        /// Who asks for it.
        package let source: String
    }

    /// What reports are made by unless they name another one.
    package static let newest = CalculationMethod.method2

    /// As reports state it.
    package var version: String { "\(rawValue)" }

    package init?(version: String) {
        guard let method = Self.allCases.first(where: { $0.version == version }) else { return nil }
        self = method
    }

    /// The day from which on reports name it: one day for both, as numbers came only with the second.
    package var since: String { "2026-11-21" }

    /// Against the method before.
    package var changes: [Change] {
        switch self {
        case .method1: []
        case .method2:
            [
                Change(
                    figures: ["emissions.market_t", "emissions.matched_share", "zones[].market_t"],
                    text: "a certificate covers its MWh once over its calendar year: what was drawn in the year before"
                        + " the period takes its part first, and the certificates of other years' instruments are"
                        + " taken; until then each report began with whole instruments",
                    source: "GHG Protocol Scope 2 Guidance, quality criteria: an instrument is used once"),
                Change(
                    figures: ["water.cubic_metres"],
                    text: "each hour counts with the water and the PUE that were set for it, and no PUE on what a"
                        + " facility's meter measured; until then what was set at the end counted for the whole period",
                    source: "EN 50600-4-9, water usage effectiveness of IT energy"),
                Change(
                    figures: ["embodied.kg"],
                    text: "node-hours count with what was set about the hardware and its site in that hour; until then"
                        + " with what was set at the end of the period",
                    source: "ISO/IEC 21031, time share of embodied emissions"),
                Change(
                    figures: ["energy.by_site"],
                    text: "energy stands at the site of its node in that hour; until then at the site that the node"
                        + " was enrolled for",
                    source: "GHG Protocol Scope 2 Guidance, location-based method"),
                Change(
                    figures: ["model_documentation[].rows[].value of energy"],
                    text: "with several PUEs, each node-hour counts with its own site's; until then with the mean of"
                        + " the organization",
                    source: "EU AI Act, Annex XI, section 1, point 2(e)"),
            ]
        }
    }

    /// Why a report by this method may differ from one by another, in a line; nil where it is the same one.
    ///
    /// - Parameter version: what the other report states; nil where it states none.
    package func replaces(_ version: String?) -> String? {
        guard version != self.version else { return nil }
        let other = version.flatMap { CalculationMethod(version: $0) }?.rawValue ?? 0
        let between = Self.allCases.filter {
            min(other, rawValue) < $0.rawValue && $0.rawValue <= max(other, rawValue)
        }
        let figures = between.flatMap(\.changes).flatMap(\.figures)
        return "method \(self.version) instead of \(version ?? "an unknown one"): \(figures.joined(separator: ", "))"
    }

    package var json: JSONValue {
        [
            "version": .string(version), "since": .string(since), "newest": .bool(self == .newest),
            "changes": .array(
                changes.map { change in
                    [
                        "figures": .array(change.figures.map { .string($0) }), "text": .string(change.text),
                        "source": .string(change.source),
                    ]
                }),
        ]
    }
}
