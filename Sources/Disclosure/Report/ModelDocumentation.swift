import Accounts
import Batches
import Emissions
import Energy
import JSONText

/// Rows of the Model Documentation Form (code of practice for general-purpose AI, July 2025) on training time,
/// computation and energy, for each model, as its columns ask them of providers.
///
/// The exact figures stay in the body; here they have the form's precision: orders of magnitude and ranges for national
/// authorities, two significant figures and more for the AI Office. Nothing of it goes downstream or to the public.
struct ModelDocumentation {
    /// For whom the form has a row.
    private enum Column {
        case aiOffice, authority, both

        func isShown(to audience: Audience) -> Bool {
            switch audience {
            case .assurer: true
            case .aiOffice: self != .authority
            case .authority: self != .aiOffice
            case .public, .downstream: false
            }
        }
    }

    private struct Row {
        var id: String
        var title: String
        var column: Column
        var value: String?
        var unit: String?
        /// How the value arose, or why there is none.
        var note: String
    }

    private let audience: Audience
    private let models: [(name: String, rows: [Row])]
    /// Whether device-time is known for every run.
    let knowsAccelerators: Bool

    init(_ input: DisclosureInput, jobs: [JobSummary], resources: ResourceSection, supply: SupplySection) {
        audience = input.audience
        let named = Dictionary(grouping: jobs.filter { $0.model != nil }, by: { $0.model ?? "" })
        let accelerators = AcceleratorTime(input)
        knowsAccelerators = accelerators.milliseconds(of: jobs.filter { $0.model != nil }) != nil
        models = named.sorted { $0.key < $1.key }.map { model, jobs in
            let rows =
                Self.time(jobs, input) + Self.devices(jobs, accelerators)
                + Self.computation(resources.computeByModel[model])
                + Self.energy(jobs, input, resources: resources, supply: supply) + Self.inference(model, input)
            return (model, rows)
        }
    }

    // MARK: Training time

    private static func time(_ jobs: [JobSummary], _ input: DisclosureInput) -> [Row] {
        let milliseconds = IntervalSet(jobs.flatMap(\.windows.intervals)).milliseconds
        let days = try? ExactRatio(Int128(milliseconds), over: 86_400_000)
        let period = "\(TimeText.rfc3339(input.period.start)) to \(TimeText.rfc3339(input.period.end))"
        let note = "time in which at least one job of the model held computers, within \(period)"
        // A month is a twelfth of 365.25 days.
        let month: Int64 = 2_629_800_000
        let range =
            milliseconds < month
            ? "less than 1 month"
            : milliseconds < 3 * month ? "1 to 3 months" : milliseconds <= 6 * month ? "3 to 6 months" : "over 6 months"
        return [
            Row(
                id: "training_time_range", title: "Training time, range", column: .authority,
                value: range, unit: nil, note: note),
            Row(
                id: "training_time_days", title: "Training time, wall clock", column: .aiOffice,
                value: days.flatMap { figure($0, 2) }, unit: "days", note: note),
        ]
    }

    private static func devices(_ jobs: [JobSummary], _ accelerators: AcceleratorTime) -> [Row] {
        let title = "Training time, hardware"
        guard let sums = accelerators.milliseconds(of: jobs) else {
            return [
                Row(
                    id: "hardware_days", title: title, column: .aiOffice, value: nil, unit: nil,
                    note: "the accelerators of the nodes are not set; set \(SettingField.nodeAccelerators)")
            ]
        }
        return sums.sorted { $0.key < $1.key }.map { model, milliseconds in
            Row(
                id: "hardware_days", title: "\(title), \(model)", column: .aiOffice,
                value: (try? ExactRatio(milliseconds, over: 86_400_000)).flatMap { figure($0, 2) },
                unit: "device-days", note: "allocated node-time × accelerators of the node")
        }
    }

    // MARK: Computation

    private static func computation(_ result: Result<ModelCompute, EmissionsError>?) -> [Row] {
        var compute: ModelCompute?
        var reason = ""
        switch result {
        case .success(let figures): compute = figures
        case .failure(let fault): reason = fault.message
        case nil: reason = "no job is labelled with the model"
        }
        let coarse = compute.map { "about 1e\(nearestPower($0.flop))" }
        return [
            Row(
                id: "compute_order", title: "Computation of training, order of magnitude", column: .authority,
                value: coarse, unit: "FLOP", note: compute == nil ? reason : "nearest power of ten"),
            Row(
                id: "compute", title: "Computation of training", column: .aiOffice,
                value: compute.map { scientific($0.flop) }, unit: "FLOP",
                note: compute == nil ? reason : "two significant figures; estimated, margin 30 %"),
            Row(
                id: "compute_method", title: "Measurement methodology, computation", column: .both,
                value: compute?.method, unit: nil, note: compute == nil ? reason : ""),
        ]
    }

    private static func inference(_ model: String, _ input: DisclosureInput) -> [Row] {
        let setting = input.accounts.settings.json(SettingField.modelInference, of: model, at: input.closingTime)
        let flop = setting.flatMap { try? SiteWater.figure($0["flop"]) }
        let reason = "no benchmark is set; set \(SettingField.modelInference)"
        let task = setting?["task"]?.string
        let hardware = setting?["hardware"]?.string
        return [
            Row(
                id: "inference_compute", title: "Benchmarked computation of inference", column: .both,
                value: flop.map { scientific($0.ratio) }, unit: "FLOP", note: flop == nil ? reason : "as stated"),
            Row(
                id: "inference_method", title: "Measurement methodology, inference", column: .both,
                value: task.map { "\($0), on \(hardware ?? "hardware not stated")" }, unit: nil,
                note: task == nil ? reason : ""),
        ]
    }

    // MARK: Energy

    /// How many figures the energy has: as many as its uncertainty bears, of the two or three that the form asks for.
    static func energyFigures(borne: Int?) -> Int { max(2, min(3, borne ?? 3)) }

    private static func energy(
        _ jobs: [JobSummary], _ input: DisclosureInput, resources: ResourceSection, supply: SupplySection
    ) -> [Row] {
        let drawn = jobs.reduce(Int128(0)) { $0 + $1.energy.total }
        var value = try? ExactRatio.megawattHours(microjoules: drawn)
        var boundary = "energy of the computers, without cooling and supply: no PUE is set"
        if let pue = input.method == .method1 ? supply.meanPUE : supply.uniformPUE {
            value = value.flatMap { try? $0 * pue }
            boundary = "energy of the site, by PUE \(pue.text)"
        } else if supply.facilityMegawattHours != .null {
            value = try? SupplyCell.megawattHours(units: supplied(jobs, input, supply))
            boundary = "energy of the site, by the meter or the PUE of each site and hour"
        }
        let measured = jobs.reduce(Int128(0)) { $0 + $1.energy.measured }
        let isBound = jobs.contains(where: \.isLowerBound)
        let borne = resources.significantFigures(of: drawn)
        let figures = energyFigures(borne: borne)
        let share = Figure.text(measured * 100, drawn, decimals: 1).map { "\($0) % measured" } ?? "nothing was drawn"
        var note = "\(share), the rest estimated; \(boundary)"
        if measured == drawn, drawn > 0 { note = "measured; \(boundary)" }
        if isBound { note += "; a lower bound, some time has no reading" }
        if let borne, borne < 2 { note += "; the meters' uncertainty bears fewer figures than the form asks for" }
        return [
            Row(
                id: "energy", title: "Energy of training", column: .both, value: value.flatMap { figure($0, figures) },
                unit: "MWh", note: note),
            Row(
                id: "energy_method", title: "Measurement methodology, energy", column: .both,
                value: input.text(SettingField.methodText) ?? DisclosureBuilder.methodText, unit: nil, note: ""),
        ]
    }

    /// What jobs drew at the grid connection, in supply units: each hour by the PUE of the site where its node stood.
    private static func supplied(_ jobs: [JobSummary], _ input: DisclosureInput, _ supply: SupplySection) -> Int128 {
        let ledger = input.accounts.ledger
        let period = input.period.start.hour...input.period.lastHour
        var units: Int128 = 0
        for line in jobs.flatMap({ ledger.lines(ofJob: $0.pseudonym) }) where line.isOwn {
            let node = ledger.nodes[Int(line.node)]
            let enrolled = input.accounts.nodes.site(of: node)
            var course = SettingCourse(input.accounts.settings, SettingField.nodeSite, node)
            for hour in line.hours {
                let time = ledger.hours[Int(hour.slot)]
                guard period.contains(time) else { continue }
                var factor = SupplyCell.unitsPerMicrojoule
                // What a facility's meter measured has the cooling in it.
                if line.boundary != .facility, let site = course.text(at: UTCTime(hour: time)) ?? enrolled,
                    let usage = supply.schedules[site]?.entry(hour: time)
                {
                    factor = Int128(usage.tenThousandths)
                }
                units += line.energy(hour).total * factor
            }
        }
        return units
    }

    // MARK: Text

    private static func figure(_ value: ExactRatio, _ significant: Int) -> String? {
        try? value.text(significant: significant)
    }

    /// `3.8e25`: two significant figures.
    private static func scientific(_ value: ExactRatio) -> String {
        guard value > .zero, let rounded = try? value.rounded(significant: 2) else { return "0" }
        let exponent = rounded.ratio.decimalExponent
        guard exponent >= 0, let digits = try? rounded.text(significant: 2) else { return rounded.text }
        let first = digits.filter(\.isNumber).prefix(2)
        return "\(first.prefix(1)).\(first.count > 1 ? String(first.suffix(1)) : "0")e\(exponent)"
    }

    /// The nearest on a logarithmic scale: 3.2 and more is ten.
    private static func nearestPower(_ value: ExactRatio) -> Int {
        let exponent = value.decimalExponent
        guard let leading = try? value.text(significant: 3) else { return exponent }
        let digits = leading.filter(\.isNumber).drop { $0 == "0" }.prefix(3)
        // √10 = 3.162…
        return (Int(digits) ?? 0) * (digits.count == 3 ? 1 : digits.count == 2 ? 10 : 100) >= 317
            ? exponent + 1 : exponent
    }

    var json: JSONValue {
        .array(
            models.compactMap { model in
                let rows = model.rows.filter { $0.column.isShown(to: audience) }
                guard !rows.isEmpty else { return nil }
                return ["model": .string(model.name), "rows": .array(rows.map(json))]
            })
    }

    private func json(_ row: Row) -> JSONValue {
        [
            "id": .string(row.id), "title": .string(row.title), "value": .text(row.value), "unit": .text(row.unit),
            "note": .string(row.note),
        ]
    }
}
