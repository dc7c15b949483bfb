import Energy

/// Any table of times and watts. With a header, columns are found by name; without one the first is the time and the
/// second the power in W. A column that names a node, host or sensor makes one series for each name.
enum PowerCSV {
    private struct Columns {
        var width: Int?
        var separator: UInt8
        var time = 0
        var power = 1
        /// Power of ten from the column's unit to µW.
        var scale = 6
        var name: Int?
    }

    static func read(_ bytes: [UInt8], options: RecordedLog.Options, into log: inout RecordedLog) {
        var columns: Columns?
        for (number, line) in LogLines(bytes) {
            if line.first == UInt8(ascii: "#") {
                log.otherLineCount += 1
                continue
            }
            guard let known = columns else {
                columns = first(line, number: number, options: options, into: &log)
                continue
            }
            reading(line, number: number, columns: known, options: options, into: &log)
        }
    }

    /// The first line is a header or, when it begins with a time, already a reading.
    private static func first(
        _ line: ArraySlice<UInt8>, number: Int, options: RecordedLog.Options, into log: inout RecordedLog
    ) -> Columns? {
        let bare = Columns(width: nil, separator: SeparatedLine.separator(of: line))
        let fields = SeparatedLine.fields(line, separator: bare.separator) ?? []
        if let time = fields.first, Timestamp.microseconds(time) != nil {
            reading(line, number: number, columns: bare, options: options, into: &log)
            return bare
        }
        guard let header = LogHeader(line), let columns = columns(of: header) else {
            log.refuse(
                line: number,
                "`\(line.shown())` has no time and power columns; name them `time` and `watts` (or power_w, power_mw)")
            return nil
        }
        log.otherLineCount += 1
        return columns
    }

    private static func columns(of header: LogHeader) -> Columns? {
        let time = header.column(
            "time", "timestamp", "utc", "time_s", "time_ms", "time_us", "time_ns", "datetime", "date_time", "date")
        guard let time else { return nil }
        let units: [(names: [String], scale: Int)] = [
            (["watts", "power_w", "power_watts", "power [w]", "power (w)", "w", "power"], 6),
            (["power_mw", "milliwatts", "power [mw]", "power (mw)", "mw"], 3),
            (["power_uw", "microwatts", "power [uw]"], 0),
            (["power_kw", "kilowatts", "power [kw]", "power (kw)", "kw"], 9),
        ]
        for unit in units {
            guard let power = unit.names.lazy.compactMap({ header.names.firstIndex(of: $0) }).first else { continue }
            return Columns(
                width: header.names.count, separator: header.separator, time: time, power: power, scale: unit.scale,
                name: header.column("sensor", "uuid", "gpu", "device", "node", "host", "hostname", "outlet"))
        }
        return nil
    }

    private static func reading(
        _ line: ArraySlice<UInt8>, number: Int, columns: Columns, options: RecordedLog.Options,
        into log: inout RecordedLog
    ) {
        guard let fields = SeparatedLine.fields(line, separator: columns.separator), fields.count >= 2,
            columns.width.map({ $0 == fields.count }) ?? true
        else {
            log.refuse(line: number, "`\(line.shown())` does not have as many fields as the header")
            return
        }
        guard
            let stamp = Timestamp.microseconds(
                fields[columns.time], localOffsetSeconds: options.localOffsetSeconds)
        else {
            log.refuse(line: number, "`\(fields[columns.time].shown())` is not a time (ISO 8601 or seconds since 1970)")
            return
        }
        let value = fields[columns.power]
        if isAbsent(value) {
            log.missingLineCount += 1
            return
        }
        guard let power = DecimalText.scaled(value, by: columns.scale),
            power.magnitude <= PowerIntegral.powerBoundMicrowatts.magnitude
        else {
            log.refuse(line: number, "`\(value.shown())` is not a power")
            return
        }
        let source = columns.name.map { fields[$0].shown(limit: 120) } ?? "node"
        guard let index = log.index(of: source, kind: "csv", layer: options.layer ?? .nodeAC) else {
            log.refuse(line: number, "more than \(RecordedLog.maximumSeries) sensors in one file")
            return
        }
        log.series[index].append(.init(utcMicroseconds: stamp, powerMicrowatts: power))
        log.readingLineCount += 1
    }

    /// How tables write that there is no value. An empty field is not 0 W.
    static func isAbsent(_ field: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: field, as: UTF8.self).lowercased()
        return ["", "-", "na", "n/a", "nan", "null", "none"].contains(text)
    }
}
