/// Microjoules by component.
package struct ComponentEnergy: Sendable, Hashable, Codable {
    private var accelerator: Int128 = 0
    private var cpu: Int128 = 0
    private var dram: Int128 = 0
    private var rest: Int128 = 0
    private var network: Int128 = 0

    package init() {}

    package subscript(component: Component) -> Int128 {
        get {
            switch component {
            case .accelerator: accelerator
            case .cpu: cpu
            case .dram: dram
            case .rest: rest
            case .network: network
            }
        }
        set {
            switch component {
            case .accelerator: accelerator = newValue
            case .cpu: cpu = newValue
            case .dram: dram = newValue
            case .rest: rest = newValue
            case .network: network = newValue
            }
        }
    }

    package mutating func add(_ other: ComponentEnergy) {
        accelerator += other.accelerator
        cpu += other.cpu
        dram += other.dram
        rest += other.rest
        network += other.network
    }

    package mutating func add(_ other: EnergyLine.Hour) {
        accelerator += Int128(other.accelerator)
        cpu += Int128(other.cpu)
        dram += Int128(other.dram)
        rest += Int128(other.rest)
        network += Int128(other.network)
    }

    package var total: Int128 { accelerator + cpu + dram + rest + network }
}
