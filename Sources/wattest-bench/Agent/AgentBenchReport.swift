import JSONText

/// The figures of one run of `wattest-bench agent`, and whether they keep the bars.
struct AgentBenchReport {
    private let rows: [Row]
    private let ratios: [Double]
    private let absent: [(name: String, reason: String)]
    private let entries: Int
    private let program: String

    struct Row {
        var name: String
        /// Per cent of one core over the whole run, and slice by slice.
        var cpu: Double
        var slices: [Double]
        var wakeUps: Double
        var resident: Int
        var anonymous: Int
        /// The largest and the median of a look a second.
        var proportional: Int
        var usual: Int
    }

    init(subjects: [AgentBed.Subject], absent: [(name: String, reason: String)], entries: Int, program: String) {
        rows = subjects.map(Self.row)
        let agent = rows.first { $0.name == "agent" }
        let exporter = rows.first { $0.name == "node-exporter" }
        ratios = zip(agent?.slices ?? [], exporter?.slices ?? []).map { $0 / max($1, 1e-9) }
        self.absent = absent
        self.entries = entries
        self.program = program
    }

    private static func row(_ subject: AgentBed.Subject) -> Row {
        func cpu(_ from: Int, _ to: Int) -> Double {
            let used = Double(subject.nanoseconds[to] - subject.nanoseconds[from])
            return 100 * used / Double(subject.instants[to] - subject.instants[from])
        }
        let ends = subject.instants.indices.dropFirst()
        let passed = Double((subject.instants.last ?? 1) - (subject.instants.first ?? 0)) / 1e9
        let wakeUps = (subject.wakeUps.last ?? 0) - (subject.wakeUps.first ?? 0)
        return Row(
            name: subject.name, cpu: ends.last.map { cpu(0, $0) } ?? 0, slices: ends.map { cpu($0 - 1, $0) },
            wakeUps: Double(wakeUps) / passed, resident: subject.resident.max() ?? 0,
            anonymous: subject.anonymous.max() ?? 0, proportional: subject.proportional.max() ?? 0,
            usual: subject.proportional.isEmpty ? 0 : subject.proportional.sorted()[subject.proportional.count / 2])
    }

    /// A name, whether it holds (nil: not to be told here), and the figures.
    private var bars: [(name: String, holds: Bool?, detail: String)] {
        guard let agent = rows.first(where: { $0.name == "agent" }) else { return [] }
        let exporter = rows.first { $0.name == "node-exporter" }
        let cpu = agent.cpu
        let ratio = Figures.median(ratios)
        let busy = rows.first { $0.name == "busy" }?.cpu
        let work: [(String, Bool?, String)] =
            busy.map { [("cpu at most 0.2 % of a core on a node at work", $0 <= 0.2, "\(Self.text($0, 4)) %")] } ?? []
        return [
            ("cpu at most 0.1 % of a core", cpu <= 0.1, "\(Self.text(cpu, 4)) %"),
            ("cpu at most a tenth of node-exporter's", exporter.map { _ in ratio <= 0.1 }, Self.text(ratio, 3)),
            ("anonymous memory at most 10 MB", agent.anonymous * 1024 <= 10_000_000, "\(agent.anonymous) KiB"),
            (
                "PSS below node-exporter's", exporter.map { agent.proportional < $0.proportional },
                "\(agent.proportional) KiB of \(exporter?.proportional ?? 0) KiB"
            ),
        ] + work
    }

    var text: String {
        var text = "                 CPU %    (min to max)         wake-ups/s  RSS KiB  anon KiB   PSS KiB  (median)\n"
        for row in rows {
            let cpu = row.slices.sorted()
            text +=
                Self.left(row.name, 14) + Self.right(Self.text(row.cpu, 4), 9)
                + Self.right("(\(Self.text(cpu.first ?? 0, 4)) to \(Self.text(cpu.last ?? 0, 4)))", 22)
                + Self.right(Self.text(row.wakeUps, 2), 12) + Self.right("\(row.resident)", 9)
                + Self.right("\(row.anonymous)", 10) + Self.right("\(row.proportional)", 10)
                + Self.right("(\(row.usual))", 10) + "\n"
        }
        let sorted = ratios.sorted()
        if !sorted.isEmpty {
            text +=
                "agent / node-exporter, CPU: \(Self.text(Figures.median(sorted), 3)) "
                + "(\(Self.text(sorted[0], 3)) to \(Self.text(sorted[sorted.count - 1], 3)) "
                + "over \(sorted.count) slices)\n"
        }
        for bar in bars {
            text += "\(bar.holds.map { $0 ? "kept  " : "BROKEN" } ?? "?     ")  \(bar.name): \(bar.detail)\n"
        }
        for (name, reason) in absent { text += "not compared: \(name): \(reason)\n" }
        return text + "\(entries) entries were signed, sent and acknowledged while it was measured; agent \(program)"
    }

    var json: JSONValue {
        let programs = rows.map { row -> JSONValue in
            [
                "name": .string(row.name), "cpu_percent": Self.number(row.cpu, 4),
                "cpu_percent_slices": .array(row.slices.map { Self.number($0, 4) }),
                "wake_ups_per_second": Self.number(row.wakeUps, 2), "rss_kib": .integer(row.resident),
                "anonymous_rss_kib": .integer(row.anonymous), "pss_kib": .integer(row.proportional),
                "pss_median_kib": .integer(row.usual),
            ]
        }
        let judged = bars.map { bar -> JSONValue in
            ["bar": .string(bar.name), "holds": bar.holds.map(JSONValue.bool) ?? .null, "figure": .string(bar.detail)]
        }
        return [
            "programs": .array(programs), "bars": .array(judged),
            "cpu_ratio": ratios.isEmpty ? .null : Self.number(Figures.median(ratios), 3),
            "cpu_ratio_slices": .array(ratios.map { Self.number($0, 3) }), "entries": .integer(entries),
            "absent": .array(absent.map { ["name": .string($0.name), "reason": .string($0.reason)] }),
        ]
    }

    private static func number(_ value: Double, _ digits: Int) -> JSONValue {
        JSONNumber(text: text(value, digits)).map(JSONValue.number) ?? .null
    }

    private static func text(_ value: Double, _ digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
