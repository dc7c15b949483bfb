package import JSONText

/// Where a figure of energy stands in a disclosure, and how it is written: `energy.by_class.final`,
/// `jobs[hall/slurm/4711@1715921878].by_node[n1].energy_uj`.
package struct FigurePath: Sendable, Hashable {
    enum Step: Sendable, Hashable {
        case member(String)
        /// The item of a list whose members have these values; null is written as an empty one.
        case item([String: String])
    }

    package let text: String
    let steps: [Step]
    /// Whether the figure is the plain sum of its microjoules; others are made from it with PUE and factors.
    package let isSum: Bool

    /// What a figure that is no plain sum rests on beside the energy of its terms.
    enum Basis {
        case nothing
        case usage
        /// As a model's documentation states it.
        case documentation
        case grid
        case contracts
        case water
        case hardware
    }

    var basis: Basis {
        guard !isSum else { return .nothing }
        if text.hasPrefix("water.") { return .water }
        if text.hasPrefix("embodied.") { return .hardware }
        switch text.split(separator: ".").last.map(String.init) ?? "" {
        case "location_t": return .grid
        case "facility_mwh", "supply_mwh": return .usage
        case "value": return .documentation
        case "market_t", "market_t_hourly", "matched_share", "matched_share_hourly": return .contracts
        default: return .nothing
        }
    }

    private init(text: String, steps: [Step], isSum: Bool) {
        self.text = text
        self.steps = steps
        self.isSum = isSum
    }

    init(_ members: String..., isSum: Bool = true) {
        self.init(text: members.joined(separator: "."), steps: members.map { .member($0) }, isSum: isSum)
    }

    /// An item of a list.
    init(_ list: String, _ name: String, where members: [String: String]) {
        self.init(text: "\(list)[\(name)]", steps: [.member(list), .item(members)], isSum: true)
    }

    func appending(_ members: String..., isSum: Bool = true) -> FigurePath {
        FigurePath(
            text: ([text] + members).joined(separator: "."), steps: steps + members.map { .member($0) }, isSum: isSum)
    }

    func appending(_ list: String, _ name: String, where members: [String: String]) -> FigurePath {
        FigurePath(
            text: "\(text).\(list)[\(name)]", steps: steps + [.member(list), .item(members)], isSum: isSum)
    }

    /// The members that name the item of the list that the figure stands in, nil when it stands in none.
    var item: [String: String]? {
        for step in steps { if case .item(let members) = step { return members } }
        return nil
    }

    /// What a disclosure shows there, nil when it does not have the place.
    package func value(in disclosure: JSONValue) -> JSONValue? {
        steps.reduce(disclosure as JSONValue?) { value, step in
            switch step {
            case .member(let name): value?[name]
            case .item(let members):
                value?.array?.first { item in members.allSatisfy { item[$0.key]?.string ?? "" == $0.value } }
            }
        }
    }
}
