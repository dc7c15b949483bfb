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
