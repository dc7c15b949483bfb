import Batches
import Emissions
import Energy
import JSONText

/// Emissions of making the hardware, shared out over its life: node-hours of the period, each with its server and
/// devices.
enum NodeEmbodied {
    /// - Throws: `missingInput` for a node without figures.
    static func json(
        _ input: DisclosureInput, _ settings: SiteSettings, _ sums: PeriodSums
    ) throws(EmissionsError) -> JSONValue {
        let hours = sums.ownHours.filter { input.accounts.nodes.kind(of: $0.key) == .node }
        var kilograms = ExactRatio.zero
        var nodeHours: Int64 = 0
        var bases: Set<String> = []
        for (node, held) in hours.sorted(by: { $0.key < $1.key }) {
            for part in try parts(node, input, settings) {
                kilograms = try kilograms + part.kilograms(deviceHours: ExactRatio(held))
                bases.insert(
                    "\(part.kilogramsPerUnit.text) kg, \(part.boundary.rawValue), \(part.lifetimeYears.text) years, "
                        + "utilisation \(part.utilisation.text), \(part.source)")
            }
            nodeHours += held
        }
        guard nodeHours > 0 else { throw EmissionsError(.missingInput, "nothing was measured in this period") }
        return [
            "kg": try SiteWater.number(kilograms, decimals: 6), "node_hours": .integer(nodeHours),
            "method": "mass of making × hours present / hours of life; hours with any energy of the node count",
            "inputs": .array(bases.sorted().map { .string($0) }),
        ]
    }

    private static func parts(
        _ node: String, _ input: DisclosureInput, _ settings: SiteSettings
    ) throws(EmissionsError) -> [EmbodiedCarbon] {
        let register = input.accounts.settings
        let site = settings.site(
            of: node, enrolled: input.accounts.nodes.site(of: node), hour: input.period.lastHour)
        let value =
            register.json(SettingField.nodeEmbodied, of: node, at: input.closingTime)
            ?? site.flatMap { register.json(SettingField.siteEmbodied, of: $0, at: input.closingTime) }
        guard let value else {
            throw EmissionsError(
                .missingInput,
                "no embodied emissions are set for every node with energy; set \(SettingField.siteEmbodied) or "
                    + SettingField.nodeEmbodied)
        }
        guard let years = try SiteWater.figure(value["lifetime_years"]) else {
            throw EmissionsError(.missingInput, "\(SettingField.siteEmbodied): lifetime_years is missing")
        }
        let devices = value["devices"]?.int64 ?? 1
        var masses: [DecimalFigure] = []
        if let server = try SiteWater.figure(value["kg_per_server"]) { masses.append(server) }
        if let device = try SiteWater.figure(value["kg_per_device"]) {
            masses.append(try device.multiplied(by: DecimalFigure(devices)))
        }
        guard !masses.isEmpty else {
            throw EmissionsError(
                .missingInput, "\(SettingField.siteEmbodied): kg_per_server or kg_per_device is missing")
        }
        var parts: [EmbodiedCarbon] = []
        for mass in masses {
            parts.append(
                try EmbodiedCarbon(
                    kilogramsPerUnit: mass,
                    boundary: value["boundary"]?.string.flatMap { .init(rawValue: $0) } ?? .notStated,
                    source: value["source"]?.string ?? "stated", devicesPerUnit: 1, lifetimeYears: years,
                    utilisation: try SiteWater.figure(value["utilisation"]) ?? .one))
        }
        return parts
    }
}
