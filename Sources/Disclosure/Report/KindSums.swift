/// Microjoules by one of a few kinds, in the order of the kinds.
///
/// A report has some hundred thousand such sums of one or two kinds each: a dictionary costs more than it holds.
package struct KindSums<Kind: CaseIterable & Hashable & Sendable>: Sendable, Hashable {
    package struct Item: Sendable, Hashable {
        package let kind: Kind
        package fileprivate(set) var microjoules: Int128
    }

    private var items: [Item] = []

    package init() {}

    package var total: Int128 { items.reduce(0) { $0 + $1.microjoules } }

    /// Nil where nothing was added, which is not the same as zero.
    package subscript(kind: Kind) -> Int128? {
        for item in items where item.kind == kind { return item.microjoules }
        return nil
    }

    package mutating func add(_ microjoules: Int128, _ kind: Kind) {
        for index in items.indices where items[index].kind == kind {
            items[index].microjoules += microjoules
            return
        }
        let order = Array(Kind.allCases)
        let place = order.firstIndex(of: kind) ?? order.endIndex
        let next = items.firstIndex { (order.firstIndex(of: $0.kind) ?? order.endIndex) > place }
        items.insert(Item(kind: kind, microjoules: microjoules), at: next ?? items.endIndex)
    }

    package mutating func add(_ other: KindSums) {
        for item in other.items { add(item.microjoules, item.kind) }
    }
}

extension KindSums: Sequence {
    package func makeIterator() -> IndexingIterator<[Item]> { items.makeIterator() }
}
