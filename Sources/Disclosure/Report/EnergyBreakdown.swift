package import Accounts
package import Energy
import JSONText

/// Microjoules by what drew them, how they are known and where they were measured. Synthetic energy is never in it.
package struct EnergyBreakdown: Sendable, Hashable {
    package private(set) var byComponent: [Component: Int128] = [:]
    package private(set) var byProvenance: [Provenance: Int128] = [:]
    package private(set) var byBoundary: [Boundary: Int128] = [:]
    package private(set) var total: Int128 = 0

    package init() {}

    package var measured: Int128 { byProvenance.reduce(0) { $1.key.isMeasured ? $0 + $1.value : $0 } }

    package mutating func add(_ sum: ComponentEnergy, _ provenance: Provenance, _ boundary: Boundary) {
        guard provenance != .synthetic else { return }
        for component in Component.allCases where sum[component] != 0 {
            byComponent[component, default: 0] += sum[component]
        }
        byProvenance[provenance, default: 0] += sum.total
        byBoundary[boundary, default: 0] += sum.total
        total += sum.total
    }

    package mutating func add(_ other: EnergyBreakdown) {
        byComponent.merge(other.byComponent, uniquingKeysWith: +)
        byProvenance.merge(other.byProvenance, uniquingKeysWith: +)
        byBoundary.merge(other.byBoundary, uniquingKeysWith: +)
        total += other.total
    }

    /// Boundaries at which nodes were measured. A switch beside them does not make a figure a mixture.
    var nodeBoundaries: Int { byBoundary.count { $0.key != .network && $0.value != 0 } }

    var componentsJSON: JSONValue { Self.json(Component.allCases.map { ($0.name, byComponent[$0]) }) }
    var provenancesJSON: JSONValue { Self.json(Provenance.allCases.map { ($0.rawValue, byProvenance[$0]) }) }
    var boundariesJSON: JSONValue { Self.json(Boundary.allCases.map { ($0.name, byBoundary[$0]) }) }

    /// Members in a fixed order; what has nothing is left out.
    static func json(_ sums: [(String, Int128?)]) -> JSONValue {
        var object = JSONObject()
        for (name, sum) in sums { if let sum { object.append(name, .decimalString(sum)) } }
        return .object(object)
    }
}
