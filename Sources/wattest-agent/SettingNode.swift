import NodeAgent
import Sensors
import Yams

/// One value of the configuration file with its place, so that every complaint names where it is.
struct SettingNode {
    private let node: Node
    private let file: String
    /// Path of the value, `meters[0].feeds`.
    let name: String

    init(_ node: Node, file: String, name: String) {
        self.node = node
        self.file = file
        self.name = name
    }

    func error(_ what: String) -> AgentError {
        let line = node.mark.map { " line \($0.line):" } ?? ""
        return AgentError(.configuration, "\(file):\(line) `\(name)` \(what)")
    }

    /// The members of a mapping, each of a known name.
    func members(_ known: [String]) throws(AgentError) -> [String: SettingNode] {
        let members = try anyMembers()
        for (key, value) in members where !known.contains(key) {
            let nearest = NearestName.of(key, among: known) ?? known[0]
            throw value.error("is unknown; the nearest known one is `\(nearest)`")
        }
        return members
    }

    /// The members of a mapping whose names are the operator's own.
    func anyMembers() throws(AgentError) -> [String: SettingNode] {
        guard case .mapping(let mapping) = node else { throw error("is not a mapping of keys to values") }
        var members: [String: SettingNode] = [:]
        for (key, value) in mapping {
            guard let text = key.string else { throw error("has a key that is no text") }
            members[text] = SettingNode(value, file: file, name: "\(name).\(text)")
        }
        return members
    }

    func elements() throws(AgentError) -> [SettingNode] {
        guard case .sequence(let sequence) = node else { throw error("is not a list") }
        return sequence.enumerated().map { SettingNode($1, file: file, name: "\(name)[\($0)]") }
    }

    func text() throws(AgentError) -> String {
        guard case .scalar(let scalar) = node, !scalar.string.isEmpty else { throw error("is not a single value") }
        return scalar.string
    }

    /// One of the raw values of an enumeration.
    func choice<Choice: RawRepresentable>(of choices: [Choice]) throws(AgentError) -> Choice
    where Choice.RawValue == String {
        let text = try text()
        if let choice = choices.first(where: { $0.rawValue == text }) { return choice }
        throw error("is `\(text)`, not one of \(choices.map(\.rawValue).joined(separator: ", "))")
    }

    /// A decimal number of watts, in milliwatts.
    func milliwatts() throws(AgentError) -> Int64 {
        guard let power = DecimalText.scaled(try text().utf8, by: 3), (0...1_000_000_000).contains(power) else {
            throw error("is not a number of watts from 0 to 1000000")
        }
        return power
    }
}
