package import JSONText

/// Power in Redfish resources (DMTF DSP2046), parsed exactly and without I/O.
package enum RedfishPower {
    /// `Members[].@odata.id` of a collection.
    package static func members(_ collection: JSONValue) -> [String] {
        collection["Members"]?.elements.compactMap { $0["@odata.id"]?.string } ?? []
    }

    /// The address behind a link member.
    package static func link(_ resource: JSONValue, _ name: String) -> String? { resource[name]?["@odata.id"]?.string }

    /// EnvironmentMetrics: `PowerWatts.Reading`, in µW. A reading of nothing is null, not 0.
    package static func environment(_ metrics: JSONValue) -> Int64? {
        positive(metrics["PowerWatts"]?["Reading"])
    }

    /// `EnergykWh.Reading` of PowerSupplyMetrics and EnvironmentMetrics, in mWh.
    package static func energy(_ metrics: JSONValue) -> Int64? {
        guard let energy = metrics["EnergykWh"]?["Reading"]?.scaled(by: 6), energy >= 0 else { return nil }
        return energy
    }

    /// Whether a resource has the member but nothing in its `Reading` now: a BMC whose host just started, for example.
    package static func isWaiting(_ resource: JSONValue, _ member: String) -> Bool {
        guard let excerpt = resource[member], excerpt.object != nil else { return false }
        return excerpt["Reading"].map { $0 == .null || $0.scaled(by: 6) == 0 } ?? false
    }

    /// Whether legacy `PowerControl[]` has entries, none with a value now.
    package static func isWaiting(_ power: JSONValue) -> Bool {
        power["PowerControl"]?.elements.contains { control in
            control["PowerConsumedWatts"].map { $0 == .null || $0.scaled(by: 6) == 0 } ?? false
        } ?? false
    }

    /// A slot without a supply in it.
    package static func isAbsent(_ resource: JSONValue) -> Bool { resource["Status"]?["State"]?.string == "Absent" }

    /// PowerSupplyMetrics: `InputPowerWatts.Reading`, in µW; 0 is legal for one supply of several.
    package static func supplyInput(_ metrics: JSONValue) -> Int64? {
        guard let power = metrics["InputPowerWatts"]?["Reading"]?.scaled(by: 6), power >= 0 else { return nil }
        return power
    }

    /// Which entry of legacy `PowerControl[]` is the whole machine. Entries overlap (system, CPU, GPU tray), so that
    /// they are never added: the entry that is related to a system or chassis, else one named so, else the only or
    /// first one.
    package static func control(_ power: JSONValue) -> (index: Int, remark: String?)? {
        let controls = power["PowerControl"]?.elements ?? []
        let usable = controls.indices.filter { positive(controls[$0]["PowerConsumedWatts"]) != nil }
        guard let first = usable.first else { return nil }
        if usable.count == 1 { return (first, nil) }
        let related = usable.filter { isWhole(relatedItems(controls[$0])) }
        let named = usable.filter { isWholeName(controls[$0]["Name"]?.string ?? "") }
        let chosen = (related.count == 1 ? related.first : nil) ?? named.first ?? related.first ?? first
        let name = controls[chosen]["Name"]?.string ?? "\(chosen)"
        return (chosen, "\(usable.count) PowerControl entries overlap: `\(name.utf8.shown())` is taken, none is added")
    }

    package static func consumed(_ power: JSONValue, control index: Int) -> Int64? {
        let controls = power["PowerControl"]?.elements ?? []
        return controls.indices.contains(index) ? positive(controls[index]["PowerConsumedWatts"]) : nil
    }

    private static func positive(_ value: JSONValue?) -> Int64? {
        guard let power = value?.scaled(by: 6), power > 0 else { return nil }
        return power
    }

    private static func relatedItems(_ control: JSONValue) -> [String] {
        control["RelatedItem"]?.elements.compactMap { $0["@odata.id"]?.string } ?? []
    }

    /// `/redfish/v1/Systems/X` or `/redfish/v1/Chassis/X`, not a processor or tray below one.
    private static func isWhole(_ items: [String]) -> Bool {
        items.contains { item in
            let parts = item.split(separator: "/")
            return parts.count == 4 && (parts[2] == "Systems" || parts[2] == "Chassis")
        }
    }

    private static func isWholeName(_ name: String) -> Bool {
        let lower = name.lowercased()
        return ["system", "server", "chassis", "total"].contains { lower.contains($0) } && !lower.contains("gpu")
            && !lower.contains("cpu") && !lower.contains("memory")
    }
}
