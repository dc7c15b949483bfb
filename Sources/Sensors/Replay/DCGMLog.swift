import Energy

/// Tables of DCGM fields: one column a field, or one line a field (`field`, `value`).
///
/// Field 156 (total energy, mJ) is the counter and wins over the power fields 155 (averaged) and 157 (instant) of the
/// same GPU. Values at or above DCGM's blank sentinels are "no data" (dcgm_structs.h).
enum DCGMLog {
    private struct Columns {
        var width: Int
        var separator: UInt8
        var time: Int
        var name: Int?
        var layout: Layout
    }

    private enum Layout {
        case wide(energy: Int?, power: Int?)
        case long(field: Int, value: Int)
    }

    private enum Quantity { case energy, power }

    private static let energyNames = [
        "156", "dcgm_fi_dev_total_energy_consumption", "totec", "total_energy_consumption",
    ]
    private static let powerNames = [
        "155", "dcgm_fi_dev_power_usage", "power", "power_usage", "157", "dcgm_fi_dev_power_usage_instant",
    ]
    private static let energySuffix = "/energy"

    static func read(_ bytes: [UInt8], options: RecordedLog.Options, into log: inout RecordedLog) {
        HeadedTable.read(
            bytes, into: &log,
            missing:
                "no header with a time and DCGM field 156 or 155 yet, as `timestamp,uuid,DCGM_FI_DEV_POWER_USAGE`",
            columns: columns(of:)
        ) { line, number, columns, log in
            guard line.first != UInt8(ascii: "#") else {
                log.otherLineCount += 1
                return
            }
            reading(line, number: number, columns: columns, options: options, into: &log)
        }
        preferCounters(in: &log)
    }

    private static func columns(of header: LogHeader) -> Columns? {
        let bare = header.names.map { name in
            String(name.drop { $0 == "#" || $0 == " " }.prefix { $0 != "[" && $0 != "(" && $0 != " " })
        }
        func column(_ names: [String]) -> Int? { names.lazy.compactMap { bare.firstIndex(of: $0) }.first }
        guard let time = column(["timestamp", "time", "date", "datetime"]) else { return nil }
        let name = column(["uuid", "gpu_uuid", "entity", "gpu", "gpu_id", "gpuid", "device"])
        let energy = column(energyNames)
        let power = column(powerNames)
        let layout: Layout
        if let field = column(["field", "field_id", "fieldid", "metric", "name", "__name__"]),
            let value = column(["value"])
        {
            layout = .long(field: field, value: value)
        } else if energy != nil || power != nil {
            layout = .wide(energy: energy, power: power)
        } else {
            return nil
        }
        return Columns(width: bare.count, separator: header.separator, time: time, name: name, layout: layout)
    }

    private static func reading(
        _ line: ArraySlice<UInt8>, number: Int, columns: Columns, options: RecordedLog.Options,
        into log: inout RecordedLog
    ) {
        guard let fields = SeparatedLine.fields(line, separator: columns.separator), fields.count == columns.width
        else {
            log.refuse(line: number, "`\(line.shown())` does not have the \(columns.width) fields of the header")
            return
        }
        guard let (quantity, value) = value(of: fields, layout: columns.layout) else {
            log.otherLineCount += 1
            return
        }
        let stamp = Timestamp.microseconds(fields[columns.time], localOffsetSeconds: options.localOffsetSeconds)
        guard let stamp else {
            log.refuse(line: number, "`\(fields[columns.time].shown())` is not a time (ISO 8601 or seconds since 1970)")
            return
        }
        if isBlank(value, quantity) {
            log.missingLineCount += 1
            return
        }
        let name = columns.name.map { fields[$0].shown(limit: 100) } ?? "0"
        let source = name.utf8.allSatisfy { (48...57).contains($0) } ? "gpu-" + name : name
        add(value, quantity, stamp: stamp, source: source, line: number, into: &log)
    }

    private static func value(of fields: [ArraySlice<UInt8>], layout: Layout) -> (Quantity, ArraySlice<UInt8>)? {
        switch layout {
        case .wide(let energy?, _): return (.energy, fields[energy])
        case .wide(_, let power?): return (.power, fields[power])
        case .wide: return nil
        case .long(let field, let value):
            let name = String(decoding: fields[field], as: UTF8.self).lowercased()
            if energyNames.contains(name) { return (.energy, fields[value]) }
            return powerNames.contains(name) ? (.power, fields[value]) : nil
        }
    }

    /// Blank bases of dcgm_structs.h: INT32 0x7ffffff0, INT64 0x7ffffffffffffff0, FP64 2^47; codes are added to them.
    /// The INT32 range is a legal energy, so it blanks power alone.
    private static func isBlank(_ value: ArraySlice<UInt8>, _ quantity: Quantity) -> Bool {
        if PowerCSV.isAbsent(value) { return true }
        guard let whole = DecimalText.scaled(value, by: 0) else { return false }
        if whole >= 9_223_372_036_854_775_792 { return true }
        if (140_737_488_355_328...140_737_488_355_344).contains(whole) { return true }
        return quantity == .power && (2_147_483_632...2_147_483_647).contains(whole)
    }

    private static func add(
        _ value: ArraySlice<UInt8>, _ quantity: Quantity, stamp: Int64, source: String, line: Int,
        into log: inout RecordedLog
    ) {
        let full = "more than \(RecordedLog.maximumSeries) sensors in one file"
        switch quantity {
        case .energy:
            guard let energy = DecimalText.scaled(value, by: 3), energy >= 0 else {
                return log.refuse(line: line, "`\(value.shown())` is not an energy in mJ")
            }
            let name = source + energySuffix
            guard let index = log.index(of: name, kind: "dcgm", layer: .gpu, points: .counter([])) else {
                return log.refuse(line: line, full)
            }
            log.series[index].append(.init(utcMicroseconds: stamp, energyMicrojoules: UInt64(energy)))
        case .power:
            guard let power = NvidiaSMILog.watts(value) else {
                return log.refuse(line: line, "`\(value.shown())` is not a power in W")
            }
            guard let index = log.index(of: source, kind: "dcgm", layer: .gpu) else {
                return log.refuse(line: line, full)
            }
            log.series[index].append(.init(utcMicroseconds: stamp, powerMicrowatts: power))
        }
        log.readingLineCount += 1
    }

    /// A GPU with a counter keeps only the counter, else its energy would be counted twice.
    private static func preferCounters(in log: inout RecordedLog) {
        let counted = Set(
            log.series.map(\.source).filter { $0.hasSuffix(energySuffix) }.map { $0.dropLast(energySuffix.count) })
        for series in log.series where counted.contains(series.source[...]) {
            log.readingLineCount -= series.count
            log.otherLineCount += series.count
        }
        log.series.removeAll { counted.contains($0.source[...]) }
        for index in log.series.indices where log.series[index].source.hasSuffix(energySuffix) {
            log.series[index].source.removeLast(energySuffix.count)
        }
    }
}
