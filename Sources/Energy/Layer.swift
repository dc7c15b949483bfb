/// Where in the power path of a node a sensor measures, from the outside in.
///
/// Layers nest sensor by sensor: what a sensor lies within is a fact of the sensor (`SensorDescription.within`), never
/// of its layer, because DRAM lies beside the package on servers and inside it on some client parts.
package enum Layer: String, Sendable, Hashable, CaseIterable, Codable {
    /// A meter outside the node: distribution unit, rack shelf, room.
    case facility
    /// Alternating current into the node's power supplies.
    case nodeAC = "node-ac"
    /// Direct current behind the node's power supplies.
    case nodeDC = "node-dc"
    /// A module that carries several parts under one limit: GH200, GB200, an OAM board.
    case module
    /// One processor package, or one die of it where the platform counts dies.
    case package
    /// One accelerator board or partitionable accelerator.
    case gpu
    /// Memory beside or inside the package.
    case dram
    /// A shared part that belongs to no node: a switch.
    case network
}

/// How a microjoule came to be known. It is kept for every posting and never upgraded.
package enum Provenance: String, Sendable, Hashable, CaseIterable, Codable {
    /// A cumulative hardware counter was read.
    case counter
    /// A power sensor was read and integrated on the node.
    case integrated
    /// A log that somebody else recorded was imported.
    case recorded
    /// A model or a declared constant; the record names it and its parameters.
    case estimated
    /// Made by a test. Never part of a total.
    case synthetic

    /// The number under which the database stores it. Never renumbered.
    package var code: Int16 {
        switch self {
        case .counter: 1
        case .integrated: 2
        case .recorded: 3
        case .estimated: 4
        case .synthetic: 5
        }
    }

    package init?(code: Int16) {
        guard let match = Provenance.allCases.first(where: { $0.code == code }) else { return nil }
        self = match
    }

    /// Whether a figure of this provenance counts as measured in a report.
    package var isMeasured: Bool { self == .counter || self == .integrated || self == .recorded }
}
