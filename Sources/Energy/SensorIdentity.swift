/// What a sensor is and where it stands: the part of its facts that stays from batch to batch.
package final class SensorIdentity: Sendable, Hashable, Codable {
    package let id: String
    package let kind: String
    package let layer: Layer
    /// The sensor around it, nil for a root.
    package let within: String?
    package let provenance: Provenance

    package init(id: String, kind: String, layer: Layer, within: String?, provenance: Provenance) {
        self.id = id
        self.kind = kind
        self.layer = layer
        self.within = within
        self.provenance = provenance
    }

    func with(id: String) -> SensorIdentity {
        SensorIdentity(id: id, kind: kind, layer: layer, within: within, provenance: provenance)
    }

    func with(layer: Layer) -> SensorIdentity {
        SensorIdentity(id: id, kind: kind, layer: layer, within: within, provenance: provenance)
    }

    func with(within: String?) -> SensorIdentity {
        SensorIdentity(id: id, kind: kind, layer: layer, within: within, provenance: provenance)
    }

    func with(provenance: Provenance) -> SensorIdentity {
        SensorIdentity(id: id, kind: kind, layer: layer, within: within, provenance: provenance)
    }

    package static func == (left: SensorIdentity, right: SensorIdentity) -> Bool {
        left === right
            || left.id == right.id && left.kind == right.kind && left.layer == right.layer
                && left.within == right.within && left.provenance == right.provenance
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
