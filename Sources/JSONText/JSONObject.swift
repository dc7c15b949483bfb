/// The members of a JSON object in their order. A name occurs once.
///
/// Names are compared as Swift strings, that is by canonical equivalence: two spellings of one name that look alike
/// cannot stand beside each other and be read differently by two readers.
package struct JSONObject: Sendable, Hashable {
    package struct Member: Sendable, Hashable {
        package let name: String
        package var value: JSONValue
    }

    package private(set) var members: [Member]
    /// Position by name, kept only where walking the members would cost more than hashing.
    private var positions: [String: Int]?

    private static let walkedMembers = 16

    package init() { members = [] }

    /// For members whose names are known to differ, as those of a literal: comparing each with all before it would cost
    /// more than all the rest of a large report.
    init(distinct members: [Member]) {
        assert(Set(members.map(\.name)).count == members.count, "a name is given twice in an object literal")
        self.members = members
    }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var names: [String] { members.map(\.name) }

    package subscript(name: String) -> JSONValue? { position(of: name).map { members[$0].value } }

    /// Adds a member at the end.
    ///
    /// - Returns: false when the name is taken; nothing changed then.
    @discardableResult
    package mutating func append(_ name: String, _ value: JSONValue) -> Bool {
        guard position(of: name) == nil else { return false }
        members.append(Member(name: name, value: value))
        if positions != nil {
            positions?[name] = members.count - 1
        } else if members.count > Self.walkedMembers {
            positions = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
        }
        return true
    }

    /// Replaces the member of that name in its place, or adds it at the end.
    package mutating func set(_ name: String, _ value: JSONValue) {
        if let position = position(of: name) { members[position].value = value } else { append(name, value) }
    }

    private func position(of name: String) -> Int? {
        if let positions { return positions[name] }
        return members.firstIndex { $0.name == name }
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool { left.members == right.members }
    package func hash(into hasher: inout Hasher) { hasher.combine(members) }
}
