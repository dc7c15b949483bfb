/// Names by numbers from 0 on, in the order in which they first came: millions of sums name a node, a job or an hour by
/// four bytes.
package struct Numbering<Name: Hashable & Sendable>: Sendable {
    package private(set) var names: [Name] = []
    private var numbers: [Name: Int32] = [:]
    /// The one that was asked for last; a batch speaks of one node and mostly of one hour.
    private var last: (name: Name, number: Int32)?

    package init() {}

    package func known(_ name: Name) -> Int32? { numbers[name] }

    package mutating func number(of name: Name) -> Int32 {
        if let last, last.name == name { return last.number }
        let number: Int32
        if let known = numbers[name] {
            number = known
        } else {
            number = Int32(names.count)
            names.append(name)
            numbers[name] = number
        }
        last = (name, number)
        return number
    }
}
