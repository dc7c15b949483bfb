package import JSONText

/// A disclosure as one table (RFC 4180): the organization, its accounts, its grid zones, its jobs and their nodes.
///
/// It is rendered from the JSON, so it shows what that shows and nothing else.
package enum DisclosureCSV {
    private static let columns = [
        "scope", "job", "node", "class", "model", "start", "stop", "nodes_expected", "nodes_reporting", "coverage",
        "lower_bound", "energy_uj", "energy_mwh", "measured_uj", "idle_reserved_uj", "measured_ms", "bridged_ms",
        "missing_ms", "flags", "boundary", "zone", "facility_mwh", "location_t", "market_t",
    ]

    package static func render(_ disclosure: JSONValue) -> [UInt8] {
        var rows = [columns]
        rows.append(organization(disclosure))
        for account in ["idle", "unattributed", "gap"] {
            rows.append(row(["scope": account, "energy_uj": text(disclosure["energy"]?["\(account)_uj"])]))
        }
        rows += (disclosure["zones"]?.array ?? []).map { zone($0, of: disclosure) }
        for job in disclosure["jobs"]?.array ?? [] {
            rows.append(self.job(job))
            rows += (job["by_node"]?.array ?? []).map { node($0, of: job) }
        }
        return Array(rows.map { $0.map(quoted).joined(separator: ",") + "\r\n" }.joined().utf8)
    }

    private static func organization(_ disclosure: JSONValue) -> [String] {
        let energy = disclosure["energy"]
        let coverage = disclosure["coverage"]
        return row([
            "scope": "organization", "start": text(disclosure["period"]?["start"]),
            "stop": text(disclosure["period"]?["end"]), "nodes_expected": text(coverage?["nodes_expected"]),
            "nodes_reporting": text(coverage?["nodes_reporting"]), "energy_uj": text(energy?["it_uj"]),
            "energy_mwh": text(energy?["it_mwh"]), "measured_uj": text(energy?["measured_uj"]),
            "measured_ms": text(coverage?["node_ms"]?["measured"]),
            "bridged_ms": text(coverage?["node_ms"]?["bridged"]),
            "missing_ms": text(coverage?["node_ms"]?["missing"]), "boundary": boundary(of: energy),
            "facility_mwh": text(energy?["facility_mwh"]), "location_t": text(disclosure["emissions"]?["location_t"]),
            "market_t": text(disclosure["emissions"]?["market_t"]),
        ])
    }

    private static func zone(_ zone: JSONValue, of disclosure: JSONValue) -> [String] {
        let isFacility = disclosure["emissions"]?["basis"]?.string == "facility"
        return row([
            "scope": "zone", "zone": text(zone["zone"]), "energy_uj": text(zone["energy_uj"]),
            "facility_mwh": isFacility ? text(zone["supply_mwh"]) : "", "location_t": text(zone["location_t"]),
            "market_t": text(zone["market_t"]),
        ])
    }

    /// Where it was measured; several are parted by spaces.
    private static func boundary(of item: JSONValue?) -> String {
        (item?["by_boundary"]?.object?.names ?? []).joined(separator: " ")
    }

    private static func job(_ job: JSONValue) -> [String] {
        var cells: [String: String] = ["scope": "job", "job": name(of: job)]
        for column in columns.dropFirst(3) where column != "flags" { cells[column] = text(job[column]) }
        for column in ["measured", "bridged", "missing"] { cells["\(column)_ms"] = text(job["node_ms"]?[column]) }
        cells["boundary"] = boundary(of: job)
        cells["flags"] = (job["flags"]?.array ?? []).compactMap(\.string).joined(separator: " ")
        return row(cells)
    }

    private static func node(_ node: JSONValue, of job: JSONValue) -> [String] {
        var cells = ["scope": text(node["kind"]), "job": name(of: job), "node": text(node["node"])]
        for column in ["coverage", "energy_uj", "measured_ms", "bridged_ms", "missing_ms"] {
            cells[column] = text(node[column])
        }
        cells["boundary"] = boundary(of: node)
        return row(cells)
    }

    private static func name(of job: JSONValue) -> String {
        text(job["key"]?.string.map { .string($0) } ?? job["pseudonym"])
    }

    private static func row(_ cells: [String: String]) -> [String] { columns.map { cells[$0] ?? "" } }

    /// Numbers as they stand; names so that no spreadsheet takes one for a formula.
    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text):
            guard let first = text.utf8.first, "=+-@\t\r".utf8.contains(first), Int128(text) == nil else { return text }
            return "'" + text
        case .number(let number): return number.text
        case .bool(let value): return value ? "true" : "false"
        case .null, .array, .object, nil: return ""
        }
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return cell }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }
}
