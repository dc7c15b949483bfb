import JSONText

extension ReportText {
    /// - Parameter named: the labels are names that somebody gave, to be shown as they are.
    private func bars(_ value: JSONValue?, named: Bool = false) -> [BarChart.Bar] {
        (value?.object?.members ?? []).compactMap { member in
            HTMLText.microjoules(member.value).map {
                let label = named ? member.name : member.name.replacing("_", with: " ")
                return BarChart.Bar(label: label, microjoules: $0)
            }
        }
    }

    private func chart(_ title: String, _ bars: [BarChart.Bar]) -> BarChart {
        BarChart(title: title, bars: bars, borne: BorneFigures(of: report))
    }

    var charts: DisclosurePage.Section? {
        guard energy?.object != nil else { return nil }
        let accounts = ["idle", "unattributed", "gap"].compactMap { name in
            HTMLText.microjoules(energy?["\(name)_uj"]).map { BarChart.Bar(label: name, microjoules: $0) }
        }
        let charts = [
            chart("By month", bars(energy?["by_month"])).drawing,
            chart("By what it was used for", bars(energy?["by_class"]) + accounts).drawing,
            chart("By site", bars(energy?["by_site"], named: true)).drawing,
            chart("By component", bars(energy?["by_component"])).drawing,
            chart("By how it is known", bars(energy?["by_provenance"])).drawing,
            chart("By node, jobs only", nodeBars).drawing,
        ].compactMap(\.self)
        guard !charts.isEmpty else { return nil }
        let words =
            "Idle is electricity of computers that worked for nobody; unattributed is work that could not be told"
            + " apart; gap is electricity of time without readings."
        let names = [energy?["by_component"], energy?["by_provenance"]].flatMap { $0?.object?.names ?? [] }
        let meanings = names.compactMap(Self.meaning)
        var blocks: [DisclosurePage.Block] = [.paragraph(words)]
        if !meanings.isEmpty { blocks.append(.paragraph("In the charts, \(meanings.joined(separator: "; ")).")) }
        return .init(title: "Where the energy went", blocks: blocks + charts.map { .drawing($0) })
    }

    private var nodeBars: [BarChart.Bar] {
        var sums: [String: Int128] = [:]
        for job in report["jobs"]?.array ?? [] {
            for node in job["by_node"]?.array ?? [] {
                guard let name = node["node"]?.string, let energy = HTMLText.microjoules(node["energy_uj"]) else {
                    continue
                }
                sums[name, default: 0] += energy
            }
        }
        return sums.sorted { $0.key < $1.key }.map { BarChart.Bar(label: $0.key, microjoules: $0.value) }
    }

    /// Power of the largest jobs over their lives, stacked by component and, where nodes are named, by node.
    var profiles: DisclosurePage.Section? {
        let profiles = report["profiles"]?.array ?? []
        var blocks: [DisclosurePage.Block] = []
        for profile in profiles {
            let name = HTMLText.plain(profile["job"])
            for (member, title) in [("by_component", "by component"), ("by_node", "by node")] {
                let chart = StackedChart(
                    title: "\(name), \(title)", labels: labels(profile), parts: parts(profile, member))
                if let drawing = chart.drawing { blocks.append(.drawing(drawing)) }
            }
        }
        guard !blocks.isEmpty else { return nil }
        let words =
            "Mean power of the largest jobs in each step of their time, while they held their computers. A step is an"
            + " hour, or several where a job is long."
        return .init(title: "Power of jobs over their life", blocks: [.paragraph(words)] + blocks)
    }

    private func labels(_ profile: JSONValue) -> [String] {
        (profile["steps"]?.array ?? []).map { step in
            // 2024-05-17T04:00:00Z as 05-17 04h.
            let text = step["start"]?.string ?? ""
            guard text.utf8.count >= 13 else { return "" }
            let day = text.dropFirst(5).prefix(5)
            return "\(day) \(text.dropFirst(11).prefix(2))h"
        }
    }

    /// Watts of each part in each step: energy over the time that the job held anything.
    private func parts(_ profile: JSONValue, _ member: String) -> [StackedChart.Part] {
        let steps = profile["steps"]?.array ?? []
        var names: [String] = []
        for step in steps {
            for name in step[member]?.object?.names ?? [] where !names.contains(name) { names.append(name) }
        }
        return names.map { name in
            StackedChart.Part(
                // Components are our words; the names of nodes are theirs.
                name: member == "by_component" ? name.replacing("_", with: " ") : name,
                values: steps.map { step in
                    let energy = HTMLText.microjoules(step[member]?[name]) ?? 0
                    let held = step["held_ms"]?.decimalString ?? 0
                    // µJ a ms is mW.
                    return held > 0 ? energy / Int128(held) : 0
                })
        }
    }
}
