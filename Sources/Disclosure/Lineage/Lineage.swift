import Accounts
import Batches
import Emissions
import Energy
package import JSONText
import TransparencyLog

/// From the figures of a disclosure to the node-hours, batches and factors behind them.
package struct Lineage: Sendable {
    /// Some terms of a figure, whose batches are to be found.
    package struct Page: Sendable {
        package var path: FigurePath
        /// Every term of the figure.
        package var all: [FigureTrace.Term]
        package var range: Range<Int>

        package var terms: ArraySlice<FigureTrace.Term> { all[range] }
    }

    private let input: DisclosureInput
    private let trace: FigureTrace
    private let supply: SupplyTrace
    private let disclosure: JSONValue

    package init(_ input: DisclosureInput) {
        self.input = input
        trace = FigureTrace(input)
        supply = SupplyTrace(trace)
        disclosure = Disclosure(input).value
    }

    /// Every figure with its terms' sum, by name.
    ///
    /// - Parameter after: the name of the last one that is known already.
    package func figures(limit: Int, after: String?) -> JSONValue {
        let rest = trace.sums.drop { sum in after.map { sum.path.text <= $0 } ?? false }
        let items = rest.prefix(limit)
        let next = rest.count > items.count ? items.last.map { JSONValue.string($0.path.text) } : nil
        var object = head
        object.append(
            "items",
            .array(
                items.map { sum in
                    let shown = sum.path.value(in: disclosure)
                    return [
                        "figure": .string(sum.path.text), "in_report": shown ?? .null,
                        "terms_uj": .decimalString(sum.microjoules), "terms": .integer(sum.terms),
                        "agrees": agrees(sum.path, shown, sum.microjoules),
                    ]
                }))
        object.append("next", next ?? .null)
        return .object(object)
    }

    /// - Returns: nil when the figure has no terms in the period.
    package func page(of figure: String, from first: Int, limit: Int) -> Page? {
        let (path, terms) = trace.terms(of: figure)
        guard let path else { return nil }
        let start = min(max(0, first), terms.count)
        return Page(path: path, all: terms, range: start..<(start + min(limit, terms.count - start)))
    }

    /// - Parameter batches: of the page's terms, after the log was read.
    package func json(_ page: Page, _ batches: BatchTrace) -> JSONValue {
        let shown = page.path.value(in: disclosure)
        let sum = page.all.reduce(Int128(0)) { $0 + $1.microjoules }
        var object = head
        object.append("figure", .string(page.path.text))
        object.append("in_report", shown ?? .null)
        object.append("terms_uj", .decimalString(sum))
        object.append("terms", .integer(page.all.count))
        object.append("agrees", agrees(page, shown, sum))
        object.append(
            "inputs",
            .array(
                supply.inputs(for: page.path.basis).map { setting in
                    [
                        "field": .string(setting.field), "subject": .text(setting.subject),
                        "index": .decimalString(setting.index),
                    ]
                }))
        object.append("items", .array(page.terms.map { json($0, page.path.basis, batches) }))
        let isLast = page.range.upperBound == page.all.count
        object.append("next", isLast ? .null : .string("\(page.range.upperBound)"))
        return .object(object)
    }

    /// Whether the sum of the terms alone gives what the disclosure shows; null for a figure that it does not suffice
    /// for.
    private func agrees(_ path: FigurePath, _ shown: JSONValue?, _ sum: Int128) -> JSONValue {
        if path.isSum { return .bool(shown == .decimalString(sum)) }
        guard let shown, !shown.isNull else { return .null }
        let borne = BorneFigures(of: disclosure)
        switch path.text.split(separator: ".").last.map(String.init) ?? "" {
        case "energy_mwh": return .bool(borne.figure(Figure.megawattHours(sum)) == shown)
        case "it_mwh":
            let significant = (try? ExactRatio.megawattHours(microjoules: sum)).flatMap { borne.count(of: $0) }
            return .bool(Figure.megawattHours(sum, significant: significant) == shown)
        default: return .null
        }
    }

    /// Whether the terms, with what was set about their places, give it.
    private func agrees(_ page: Page, _ shown: JSONValue?, _ sum: Int128) -> JSONValue {
        guard let shown, !shown.isNull else { return agrees(page.path, shown, sum) }
        let borne = BorneFigures(of: disclosure)
        let name = String(page.path.text.split(separator: ".").last ?? "")
        switch page.path.basis {
        case .grid: return .bool(supply.tonnes(of: page.all).map { borne.figure($0) } == shown)
        case .usage: return .bool(supply.megawattHours(of: page.all).map { borne.figure($0) } == shown)
        case .documentation: return .bool(documented(page, sum).map { .string($0) } == shown)
        case .contracts:
            return .bool(market(page, name).map { name.hasPrefix("market_t") ? borne.figure($0) : $0 } == shown)
        case .water: return .bool(supply.water(of: page.all)?[name].map { borne.figure($0) } == shown)
        case .hardware: return .bool(supply.embodied(of: page.all)?[name] == shown)
        case .nothing: return agrees(page.path, shown, sum)
        }
    }

    /// Energy of the site where the report knows that of everything, else that of the computers; with the digits of the
    /// form.
    private func documented(_ page: Page, _ sum: Int128) -> String? {
        guard var value = try? ExactRatio.megawattHours(microjoules: sum) else { return nil }
        let figures = ModelDocumentation.energyFigures(borne: BorneFigures(of: disclosure).count(of: value))
        if disclosure["energy"]?["facility_mwh"]?.isNull == false {
            var site = supply.supplied(page.all)
            if input.method == .method1 {
                let pue = disclosure["pue"]?["value"]?.number.flatMap { try? DecimalFigure(parsing: $0.text) }
                site = pue.flatMap { try? value * $0 }
            }
            guard let site else { return nil }
            value = site
        }
        return try? value.text(significant: figures)
    }

    /// Contracts are shared out over all zones of their market, so a zone's figure follows from the terms of all.
    private func market(_ page: Page, _ name: String) -> JSONValue? {
        if let zone = page.path.item?["zone"] {
            return supply.market(of: trace.terms(of: "emissions.market_t").terms)?.zones[zone]
        }
        guard let figures = supply.market(of: page.all) else { return nil }
        switch name {
        case "market_t": return figures.tonnes
        case "market_t_hourly": return figures.tonnesHourly
        case "matched_share": return figures.matchedShare
        default: return figures.matchedShareHourly
        }
    }

    private func json(_ term: FigureTrace.Term, _ basis: FigurePath.Basis, _ batches: BatchTrace) -> JSONValue {
        var object = Self.object(term, trace)
        for (name, value) in supply.json(of: term.key) { object.append(name, value) }
        object.append(
            "inputs",
            .array(
                supply.inputs(of: term.key, for: basis).map { setting in
                    [
                        "field": .string(setting.field), "subject": .text(setting.subject),
                        "index": .decimalString(setting.index), "value": setting.json ?? .null,
                    ]
                }))
        let sources = batches.sources(of: term.key)
        object.append("batches", .array(sources.map(\.json)))
        let sum = sources.reduce(Int128(0)) { $0 + $1.microjoules }
        object.append("corrected_uj", .decimalString(term.microjoules - sum))
        object.append(
            "corrections", .array(batches.corrections(of: term.key).map { .decimalString($0) }))
        return .object(object)
    }

    private static func object(_ term: FigureTrace.Term, _ trace: FigureTrace) -> JSONObject {
        let key = term.key
        var object = JSONObject()
        object.append("hour", .string(TimeText.rfc3339(UTCTime(hour: key.hour))))
        object.append("node", .string(key.node))
        object.append("account", .string(key.account.kind))
        object.append("job", .text(key.account.job.map { trace.job($0)?.record?.key.description ?? $0 }))
        object.append("provenance", .string(key.provenance.rawValue))
        object.append("boundary", .string(key.boundary.name))
        object.append("component", .text(term.component?.name))
        object.append("uj", .decimalString(term.microjoules))
        return object
    }

    private var head: JSONObject {
        var object = JSONObject()
        object.append(
            "period", ["start": TimeText.json(input.period.start), "end": TimeText.json(input.period.end)])
        object.append("rule", .string(input.rule.name))
        object.append("method", .string(input.method.version))
        object.append("origin", .string(input.checkpoint.origin))
        object.append("size", .decimalString(input.checkpoint.size))
        return object
    }
}

extension Lineage {
    /// The sample that a seed draws from a figure: what was drawn, before the log is read for its batches.
    package func sample(_ draw: SampleDraw, of page: Page) -> [SampleDraw.Hit] { draw.hits(in: page.all) }

    /// - Parameter batches: of the terms that were hit.
    package func json(
        _ draw: SampleDraw, _ hits: [SampleDraw.Hit], of page: Page, _ batches: BatchTrace
    ) -> JSONValue {
        var object = head
        object.append("figure", .string(page.path.text))
        object.append("seed", .string(draw.seed))
        object.append("n", .integer(draw.count))
        object.append("population_uj", .decimalString(SampleDraw.population(page.all)))
        object.append(
            "left_out_uj", .decimalString(page.all.reduce(Int128(0)) { $0 + min(0, $1.microjoules) }))
        var entries: Set<UInt64> = []
        var items: [JSONValue] = []
        for hit in hits {
            var item = JSONObject()
            item.append("draw", .integer(hit.number))
            item.append("at_uj", .decimalString(hit.position))
            for member in Self.object(hit.term, trace).members { item.append(member.name, member.value) }
            let batch = SampleDraw.batch(at: hit.offset, of: batches.sources(of: hit.term.key))
            if let batch { entries.insert(batch.index) }
            item.append("batch", batch?.json ?? .null)
            items.append(.object(item))
        }
        object.append("items", .array(items))
        object.append("entries", .array(entries.sorted().map { .decimalString($0) }))
        return .object(object)
    }
}

extension BatchTrace.Source {
    var json: JSONValue {
        [
            "index": .decimalString(index), "chain": .decimalString(position.incarnation),
            "seq": .decimalString(position.sequence), "uj": .decimalString(microjoules),
        ]
    }
}

extension Account {
    /// As figures of the disclosure name it.
    var kind: String {
        switch self {
        case .job: "job"
        case .idleReserved: "idle_reserved"
        case .idle: "idle"
        case .unattributed: "unattributed"
        case .gap: "gap"
        case .tenant: "tenant"
        case .superseded: "superseded"
        }
    }
}
