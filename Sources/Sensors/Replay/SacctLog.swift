import Energy

/// Slurm accounting, `sacct -P -o JobID,Start,End,ConsumedEnergyRaw`: the energy of a whole job over its whole time.
///
/// Only the job's own line is taken: Slurm counts the batch, extern and numbered steps inside it, and adding them
/// counts the same joules again. Each job becomes a counter of two values, 0 at its start and its energy at its end.
enum SacctLog {
    private struct Columns {
        var width: Int
        var separator: UInt8
        var job: Int
        var start: Int
        var end: Int
        var energy: Int
        /// Whether the energy column is in J without a unit letter.
        var isRaw: Bool
    }

    static func read(_ bytes: [UInt8], options: RecordedLog.Options, into log: inout RecordedLog) {
        HeadedTable.read(
            bytes, into: &log,
            missing: "no header yet; use: sacct -P -o JobID,Start,End,ConsumedEnergyRaw (without -n)",
            columns: columns(of:)
        ) { line, number, columns, log in
            job(line, number: number, columns: columns, options: options, into: &log)
        }
    }

    private static func columns(of header: LogHeader) -> Columns? {
        guard let job = header.column("jobid", "jobidraw"), let start = header.column("start"),
            let end = header.column("end"), let energy = header.column("consumedenergyraw", "consumedenergy")
        else { return nil }
        return Columns(
            width: header.names.count, separator: header.separator, job: job, start: start, end: end, energy: energy,
            isRaw: header.names[energy] == "consumedenergyraw")
    }

    private static func job(
        _ line: ArraySlice<UInt8>, number: Int, columns: Columns, options: RecordedLog.Options,
        into log: inout RecordedLog
    ) {
        let split = SeparatedLine.fields(line, separator: columns.separator)
        // sacct -p ends every line with a separator, -P does not.
        guard let fields = split, fields.count == columns.width || fields.count == columns.width + 1 else {
            return log.refuse(line: number, "`\(line.shown())` does not have the \(columns.width) fields of the header")
        }
        let id = fields[columns.job]
        if id.contains(UInt8(ascii: ".")) {
            log.otherLineCount += 1
            return
        }
        let energy: Int64
        switch parse(fields[columns.energy], isRaw: columns.isRaw) {
        case .absent:
            log.missingLineCount += 1
            return
        case .malformed:
            return log.refuse(line: number, "`\(fields[columns.energy].shown())` is not an energy that a job can use")
        case .microjoules(let value): energy = value
        }
        guard let start = Timestamp.microseconds(fields[columns.start], localOffsetSeconds: options.localOffsetSeconds),
            let end = Timestamp.microseconds(fields[columns.end], localOffsetSeconds: options.localOffsetSeconds),
            start < end
        else {
            return log.refuse(line: number, "start and end are not two times in order; has the job ended?")
        }
        let source = "job-" + id.shown(limit: 100)
        guard log.series.allSatisfy({ $0.source != source }) else {
            return log.refuse(
                line: number, "job \(id.shown()) stands in the file twice; ask sacct for one cluster and no -D")
        }
        let series = log.index(of: source, kind: "sacct", layer: options.layer ?? .nodeDC, points: .counter([]))
        guard let series else {
            return log.refuse(line: number, "more than \(RecordedLog.maximumSeries) jobs in one file")
        }
        log.series[series].append(.init(utcMicroseconds: start, energyMicrojoules: 0))
        log.series[series].append(.init(utcMicroseconds: end, energyMicrojoules: UInt64(energy)))
        log.readingLineCount += 1
    }

    private enum Parsed {
        case microjoules(Int64)
        case absent
        case malformed
    }

    /// Zero is what Slurm writes when no energy plugin runs: it is no value. A falling node counter makes Slurm write
    /// nearly 2^64 J: no job uses that.
    private static func parse(_ field: ArraySlice<UInt8>, isRaw: Bool) -> Parsed {
        if PowerCSV.isAbsent(field) { return .absent }
        var digits = field
        var scale = 6
        if !isRaw, let letter = field.last,
            let power = ["K": 3, "M": 6, "G": 9, "T": 12][Character(Unicode.Scalar(letter))]
        {
            digits = field.dropLast().trimmed()
            scale += power
        }
        guard let energy = DecimalText.scaled(digits, by: scale), energy >= 0 else { return .malformed }
        return energy == 0 ? .absent : .microjoules(energy)
    }
}
