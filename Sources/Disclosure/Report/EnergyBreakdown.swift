package import Accounts
package import Energy
import JSONText

/// Microjoules by what drew them, how they are known and where they were measured. Synthetic energy is never in it.
package struct EnergyBreakdown: Sendable, Hashable {
    package private(set) var byComponent = KindSums<Component>()
    package private(set) var byProvenance = KindSums<Provenance>()
    package private(set) var byBoundary = KindSums<Boundary>()
    package private(set) var total: Int128 = 0

    package init() {}

    package var measured: Int128 { byProvenance.reduce(0) { $1.kind.isMeasured ? $0 + $1.microjoules : $0 } }

    package mutating func add(_ sum: ComponentEnergy, _ provenance: Provenance, _ boundary: Boundary) {
        guard provenance != .synthetic else { return }
        for component in Component.allCases where sum[component] != 0 { byComponent.add(sum[component], component) }
        byProvenance.add(sum.total, provenance)
        byBoundary.add(sum.total, boundary)
        total += sum.total
    }

    package mutating func add(_ other: EnergyBreakdown) {
        byComponent.add(other.byComponent)
        byProvenance.add(other.byProvenance)
        byBoundary.add(other.byBoundary)
        total += other.total
    }

    /// Boundaries at which nodes were measured. A switch beside them does not make a figure a mixture.
    var nodeBoundaries: Int { byBoundary.count { $0.kind != .network && $0.microjoules != 0 } }

    var componentsJSON: JSONValue { Self.json(Component.allCases.map { ($0.name, byComponent[$0]) }) }
    var provenancesJSON: JSONValue { Self.json(Provenance.allCases.map { ($0.rawValue, byProvenance[$0]) }) }
    var boundariesJSON: JSONValue { Self.json(Boundary.allCases.map { ($0.name, byBoundary[$0]) }) }

    func writeParts(to writer: inout JSONWriter) {
        writer.name("by_component")
        Self.write(byComponent, to: &writer) { $0.name }
        writer.name("by_provenance")
        Self.write(byProvenance, to: &writer) { $0.rawValue }
        writer.name("by_boundary")
        Self.write(byBoundary, to: &writer) { $0.name }
    }

    static func write<Kind>(_ sums: KindSums<Kind>, to writer: inout JSONWriter, _ name: (Kind) -> String) {
        writer.object { writer in
            for sum in sums { writer.member(named: name(sum.kind), decimal: sum.microjoules) }
        }
    }

    /// Members in a fixed order; what has nothing is left out.
    static func json(_ sums: [(String, Int128?)]) -> JSONValue {
        var object = JSONObject()
        for (name, sum) in sums { if let sum { object.append(name, .decimalString(sum)) } }
        return .object(object)
    }
}
