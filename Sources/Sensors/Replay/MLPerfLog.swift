import Energy
import JSONText

/// MLPerf power logs: lines `:::MLLOG {json}` (mlcommons/logging). One file is one node or one switch estimate.
///
/// `power_reading` is in W at `time_ms`. `conversion_eff` below 1 says that the meter sits behind the power supplies.
/// `interconnect_power_est` is a constant that somebody estimated, so it is never `recorded`.
enum MLPerfLog {
    static func read(_ bytes: [UInt8], into log: inout RecordedLog) {
        var start: Int64?
        var stop: Int64?
        var efficiencyMillionths: Int64?
        for (number, line) in LogLines(bytes) {
            guard let text = payload(of: line) else {
                log.otherLineCount += 1
                continue
            }
            guard let event = JSONValue.answer(Array(text)), let key = event["key"]?.string else {
                log.refuse(line: number, "`\(line.shown())` is not a JSON object with a key; was the line cut off?")
                continue
            }
            switch key {
            case "power_reading", "interconnect_power_est":
                reading(event, key: key, line: number, into: &log)
            case "conversion_eff":
                efficiency(event, line: number, into: &log, efficiencyMillionths: &efficiencyMillionths)
            case "power_measurement_start":
                start = min(start ?? .max, time(of: event) ?? .max)
                log.otherLineCount += 1
            case "power_measurement_stop":
                stop = max(stop ?? .min, time(of: event) ?? .min)
                log.otherLineCount += 1
            default: log.otherLineCount += 1
            }
        }
        if let start, let stop, start != .max, start < stop {
            log.statedWindow = UTCInterval(start: UTCTime(microseconds: start), end: UTCTime(microseconds: stop))
        }
        apply(efficiencyMillionths, to: &log)
    }

    /// What follows `:::MLLOG`; launchers put rank labels before it.
    private static func payload(of line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let mark = Array(":::MLLOG".utf8)
        var rest = line
        while let colon = rest.firstIndex(of: mark[0]) {
            rest = rest[colon...]
            if rest.starts(with: mark) { return rest.dropFirst(mark.count).trimmed() }
            rest = rest.dropFirst()
        }
        return nil
    }

    private static func time(of event: JSONValue) -> Int64? {
        guard let microseconds = event["time_ms"]?.scaled(by: 3), microseconds >= 0 else { return nil }
        return microseconds
    }

    private static func reading(_ event: JSONValue, key: String, line: Int, into log: inout RecordedLog) {
        guard let stamp = time(of: event) else {
            log.refuse(line: line, "`time_ms` is missing or not milliseconds since 1970")
            return
        }
        guard let value = event["value"], value != .null else {
            log.missingLineCount += 1
            return
        }
        guard let power = value.scaled(by: 6), power.magnitude <= PowerIntegral.powerBoundMicrowatts.magnitude else {
            log.refuse(line: line, "`value` of \(key) is not a number of watts")
            return
        }
        let isNode = key == "power_reading"
        let source = isNode ? "node" : "switch-" + (event["metadata"]?["switch_id"]?.string ?? "0")
        let index = log.index(
            of: source, kind: "mlperf", layer: isNode ? .nodeAC : .network,
            provenance: isNode ? .recorded : .estimated)
        guard let index else {
            log.refuse(line: line, "more than \(RecordedLog.maximumSeries) sensors in one file")
            return
        }
        log.series[index].append(.init(utcMicroseconds: stamp, powerMicrowatts: power))
        log.readingLineCount += 1
    }

    private static func efficiency(
        _ event: JSONValue, line: Int, into log: inout RecordedLog, efficiencyMillionths: inout Int64?
    ) {
        guard let value = event["value"]?.scaled(by: 6), (1...1_000_000).contains(value) else {
            log.refuse(line: line, "`value` of conversion_eff is not above 0 and at most 1")
            return
        }
        if let earlier = efficiencyMillionths, earlier != value {
            log.refuse(line: line, "conversion_eff changes within the file; import the parts as files of their own")
            return
        }
        efficiencyMillionths = value
        log.otherLineCount += 1
    }

    private static func apply(_ efficiency: Int64?, to log: inout RecordedLog) {
        guard let efficiency, efficiency < 1_000_000 else { return }
        for index in log.series.indices where log.series[index].layer == .nodeAC {
            log.series[index].layer = .nodeDC
            log.series[index].conversionEfficiencyMillionths = efficiency
        }
    }
}
