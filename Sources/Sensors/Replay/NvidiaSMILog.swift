import Energy

/// `nvidia-smi --query-gpu=timestamp,uuid,power.draw --format=csv` and its variants, in any order of columns.
///
/// A file can come from several `nvidia-smi` calls, so the header may come again. Without a unique name of the GPU
/// (`uuid`, else `pci.bus_id`, else `index`) every line is taken for one GPU named `gpu`.
enum NvidiaSMILog {
    private struct Columns {
        var width: Int
        var separator: UInt8
        var time: Int
        var power: Int
        var name: Int?
        var namePrefix: String
    }

    static func read(_ bytes: [UInt8], options: RecordedLog.Options, into log: inout RecordedLog) {
        HeadedTable.read(
            bytes, into: &log,
            missing: "no header with `timestamp` and `power.draw` yet; log with --format=csv, not csv,noheader",
            columns: columns(of:)
        ) { line, number, columns, log in
            reading(line, number: number, columns: columns, options: options, into: &log)
        }
    }

    private static func columns(of header: LogHeader) -> Columns? {
        let bare = header.names.map { String($0.prefix { $0 != "[" && $0 != " " }) }
        func column(_ names: String...) -> Int? { names.lazy.compactMap { bare.firstIndex(of: $0) }.first }
        guard let time = column("timestamp"),
            let power = column("power.draw", "power.draw.average", "power.draw.instant", "module.power.draw.average")
        else { return nil }
        var columns = Columns(
            width: bare.count, separator: header.separator, time: time, power: power, name: nil, namePrefix: "gpu-")
        if let uuid = column("uuid", "gpu_uuid") {
            columns.name = uuid
            columns.namePrefix = ""
        } else if let bus = column("pci.bus_id", "gpu_bus_id") {
            columns.name = bus
            columns.namePrefix = "pci-"
        } else {
            columns.name = column("index")
        }
        return columns
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
        let stamp = Timestamp.microseconds(
            fields[columns.time], localOffsetSeconds: options.localOffsetSeconds)
        guard let stamp else {
            log.refuse(line: number, "`\(fields[columns.time].shown())` is not a time like 2024/05/16 22:30:49.339")
            return
        }
        let value = fields[columns.power]
        // [N/A], [Not Supported], [Unknown Error], [GPU is lost]: nvidia-smi says that it has no value.
        if value.isEmpty || value.first == UInt8(ascii: "[") || value.isText("N/A") || value.isText("ERR!") {
            log.missingLineCount += 1
            return
        }
        guard let power = watts(value) else {
            log.refuse(line: number, "`\(value.shown())` is not a power in W")
            return
        }
        let source = columns.name.map { columns.namePrefix + fields[$0].shown(limit: 120) } ?? "gpu"
        guard let index = log.index(of: source, kind: "nvidia-smi", layer: .gpu) else {
            log.refuse(line: number, "more than \(RecordedLog.maximumSeries) sensors in one file")
            return
        }
        log.series[index].append(.init(utcMicroseconds: stamp, powerMicrowatts: power))
        log.readingLineCount += 1
    }

    /// `123.45 W`, `123450 mW` or, with nounits, `123.45`.
    static func watts(_ field: ArraySlice<UInt8>) -> Int64? {
        var digits = field
        var scale = 6
        if digits.last.map({ $0 | 0x20 }) == UInt8(ascii: "w") {
            digits = digits.dropLast().trimmed()
            if digits.last == UInt8(ascii: "m") {
                digits = digits.dropLast().trimmed()
                scale = 3
            }
        }
        guard let power = DecimalText.scaled(digits, by: scale),
            power.magnitude <= PowerIntegral.powerBoundMicrowatts.magnitude
        else { return nil }
        return power
    }
}
