import Accounts
import Batches
import Emissions
import Energy
import JSONText

/// Emissions of making the hardware, shared out over its life: node-hours of the period, each with its server and
/// devices.
enum NodeEmbodied {
    /// - Parameters:
    ///   - hours: in which a node has energy of the organization, by its name.
    ///   - within: how many of them lie in a part of the period.
    /// - Throws: `missingInput` for a node without figures.
    static func json(
        _ input: DisclosureInput, _ settings: SiteSettings, _ hours: [String: Int64],
        within: (_ node: String, _ span: UTCInterval) -> Int64
    ) throws(EmissionsError) -> JSONValue {
        let hours = hours.filter { input.accounts.nodes.kind(of: $0.key) == .node }
        var kilograms = ExactRatio.zero
        var nodeHours: Int64 = 0
        var bases: Set<String> = []
        for (node, held) in hours.sorted(by: { $0.key < $1.key }) {
            for (span, held) in spans(node, held, input, within) {
                for part in try parts(node, input, settings, span) {
                    kilograms = try kilograms + part.kilograms(deviceHours: ExactRatio(held))
                    bases.insert(
                        "\(part.kilogramsPerUnit.text) kg, \(part.boundary.rawValue), \(part.lifetimeYears.text) "
                            + "years, utilisation \(part.utilisation.text), \(part.source)")
                }
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

    /// The hours of a node, cut where what is set about its making or its site changes: at whole hours.
    private static func spans(
        _ node: String, _ held: Int64, _ input: DisclosureInput, _ within: (String, UTCInterval) -> Int64
    ) -> [(span: UTCInterval, hours: Int64)] {
        guard input.method != .method1 else { return [(input.period, held)] }
        let settings = input.accounts.settings
        let moves = settings.changes(of: SettingField.nodeSite, subject: node)
        var sites: Set<String> = Set(
            moves.compactMap { settings.json(SettingField.nodeSite, of: node, at: $0)?.string })
        if let site = settings.json(SettingField.nodeSite, of: node, at: input.closingTime)?.string {
            sites.insert(site)
        }
        if let site = input.accounts.nodes.site(of: node) { sites.insert(site) }
        var changes = moves + settings.changes(of: SettingField.nodeEmbodied, subject: node)
        for site in sites { changes += settings.changes(of: SettingField.siteEmbodied, subject: site) }
        var edges: Set<Int64> = [input.period.start.hour, input.period.lastHour + 1]
        for change in changes {
            let hour = change.isWholeHour ? change.hour : change.hour &+ 1
            if input.period.start.hour < hour, hour <= input.period.lastHour { edges.insert(hour) }
        }
        guard edges.count > 2 else { return [(input.period, held)] }
        let sorted = edges.sorted()
        return zip(sorted, sorted.dropFirst()).compactMap { start, end in
            let span = UTCInterval(start: UTCTime(hour: start), end: UTCTime(hour: end))
            let held = within(node, span)
            return held > 0 ? (span, held) : nil
        }
    }

    private static func parts(
        _ node: String, _ input: DisclosureInput, _ settings: SiteSettings, _ span: UTCInterval
    ) throws(EmissionsError) -> [EmbodiedCarbon] {
        let register = input.accounts.settings
        let closingTime = UTCTime(microseconds: span.end.microseconds - 1)
        let site = settings.site(of: node, enrolled: input.accounts.nodes.site(of: node), hour: span.lastHour)
        let value =
            register.json(SettingField.nodeEmbodied, of: node, at: closingTime)
            ?? site.flatMap { register.json(SettingField.siteEmbodied, of: $0, at: closingTime) }
        guard let value else {
            throw EmissionsError(
                .missingInput,
                "no embodied emissions are set for every node with energy; set \(SettingField.siteEmbodied) or "
                    + SettingField.nodeEmbodied)
        }
        return try parts(of: value)
    }

    /// What is set about one node: its server, its devices, or both.
    static func parts(of value: JSONValue) throws(EmissionsError) -> [EmbodiedCarbon] {
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
