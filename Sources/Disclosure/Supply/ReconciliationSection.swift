import Accounts
import Emissions
import Energy
import JSONText

/// Meters and utility bills of the sites against what the accounts hold: jobs, idle, unattributed and gap together.
/// The difference is shown, never spread: it is what stands at the site and is not measured here, or measured wrongly.
struct ReconciliationSection {
    private(set) var json: JSONValue = []
    private(set) var missing: [(field: String, reason: String)] = []

    init(_ input: DisclosureInput, _ sums: PeriodSums) {
        let (readings, faults) = Self.readings(input)
        missing = faults
        if readings.isEmpty, missing.isEmpty {
            missing.append(("reconciliation", "no meter or bill is set; set \(SettingField.siteMeter)"))
        }
        json = .array(
            readings.map { meter, reading in
                var shown = reading
                if !input.audience.showsNodes { shown.nodes = nil }
                return Self.json(meter, shown, inside: Self.inside(reading, input, sums))
            })
    }

    /// What lies in the period, by meter and time, and why the rest is left out.
    static func readings(
        _ input: DisclosureInput
    ) -> (readings: [(meter: String, reading: Reading)], missing: [(field: String, reason: String)]) {
        var found: [(meter: String, reading: Reading)] = []
        var missing: [(field: String, reason: String)] = []
        for meter in input.accounts.settings.subjects(of: SettingField.siteMeter) {
            // Readings of one meter stand side by side, each with its own span: the newest of a span wins.
            var latest: [UTCInterval: Reading] = [:]
            for setting in input.accounts.settings.every(SettingField.siteMeter) where setting.subject == meter {
                guard let reading = setting.json.flatMap(Reading.init) else {
                    missing.append(
                        (
                            "reconciliation",
                            "the reading of \(meter) at log index \(setting.index) is none: site, start, end, mwh, "
                                + "and names of nodes where it supplies those alone"
                        ))
                    continue
                }
                latest[reading.span] = reading
            }
            for (span, reading) in latest.sorted(by: { $0.key.start < $1.key.start }) {
                guard span.start < input.period.end, span.end > input.period.start else { continue }
                guard span.start >= input.period.start, span.end <= input.period.end else {
                    missing.append(
                        (
                            "reconciliation",
                            "\(meter) was read from \(TimeText.rfc3339(span.start)) to \(TimeText.rfc3339(span.end)), "
                                + "which reaches beyond the period"
                        ))
                    continue
                }
                found.append((meter, reading))
            }
        }
        return (found, missing)
    }

    static func isReading(_ value: JSONValue) -> Bool { Reading(value) != nil }

    /// One reading: {site, nodes, start, end, mwh, kind, source}.
    struct Reading {
        var site: String
        /// What a shelf or a distribution unit supplies; nil for the whole site.
        var nodes: Set<String>?
        var span: UTCInterval
        var microjoules: Int128
        var kind: String
        var source: String?

        /// Whether the meter stands for a node-hour of the organization.
        func counts(_ key: Ledger.Key, at site: String) -> Bool {
            site == self.site && span.start.hour <= key.hour && key.hour <= span.lastHour
                && nodes?.contains(key.node) ?? true
        }

        init?(_ value: JSONValue) {
            guard let site = value["site"]?.string, let start = value["start"]?.string.flatMap({ UTCTime(civil: $0) }),
                let end = value["end"]?.string.flatMap({ UTCTime(civil: $0) }), start.isWholeHour, end.isWholeHour,
                start < end,
                let text = value["mwh"]?.number?.text ?? value["mwh"]?.string,
                let figure = try? DecimalFigure(parsing: text), figure.ratio >= .zero,
                let energy = try? (figure.ratio * ExactRatio(Figure.microjoulesPerMegawattHour)).rounded(decimals: 0)
            else { return nil }
            if let named = value["nodes"] {
                guard let list = named.array, !list.isEmpty, list.allSatisfy({ $0.string != nil }) else { return nil }
                nodes = Set(list.compactMap(\.string))
            }
            self.site = site
            span = UTCInterval(start: start, end: end)
            microjoules = energy.coefficient
            kind = value["kind"]?.string ?? "meter"
            source = value["source"]?.string
        }
    }

    private static func inside(_ reading: Reading, _ input: DisclosureInput, _ sums: PeriodSums) -> Int128 {
        let hours = reading.span.start.hour...reading.span.lastHour
        guard let nodes = reading.nodes else {
            return sums.cells.reduce(0) { sum, cell in
                cell.key.site == reading.site && hours.contains(cell.key.hour) ? sum + cell.value : sum
            }
        }
        let settings = SiteSettings(settings: input.accounts.settings, period: input.period)
        var sum: Int128 = 0
        let ledger = input.accounts.ledger
        for line in ledger.lines where line.isOwn && nodes.contains(ledger.nodes[Int(line.node)]) {
            let node = ledger.nodes[Int(line.node)]
            let enrolled = input.accounts.nodes.site(of: node)
            for hour in line.hours {
                let time = ledger.hours[Int(hour.slot)]
                guard hours.contains(time), settings.site(of: node, enrolled: enrolled, hour: time) == reading.site
                else { continue }
                sum += line.energy(hour).total
            }
        }
        return sum
    }

    private static func json(_ meter: String, _ reading: Reading, inside: Int128) -> JSONValue {
        [
            "meter": .string(meter), "site": .string(reading.site), "kind": .string(reading.kind),
            "nodes": reading.nodes.map { .array($0.sorted().map(JSONValue.string)) } ?? .null,
            "start": TimeText.json(reading.span.start), "end": TimeText.json(reading.span.end),
            "meter_uj": .decimalString(reading.microjoules), "inside_uj": .decimalString(inside),
            "outside_uj": .decimalString(reading.microjoules - inside),
            "inside_share": Figure.ratio(inside, reading.microjoules, decimals: 4) ?? .null,
            "source": reading.source.map { .string($0) } ?? .null,
        ]
    }
}
