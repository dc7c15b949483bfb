import Foundation

/// A log as the recorded ones are, of any length and with everything that real logs have: gaps, readings below zero,
/// readings that share a time, and such that come late.
enum SyntheticLog {
    static func write(readings: Int, to path: String, _ random: inout some RandomNumberGenerator) throws {
        var milliseconds: Int64 = 1_715_800_000_000
        var text = ""
        for _ in 0..<readings {
            let odd = Int.random(in: 0..<200, using: &random)
            let watts = odd == 0 ? -Int64.random(in: 1...50, using: &random) : .random(in: 1500...6500, using: &random)
            let late: Int64 = odd == 1 ? 3000 : 0
            text += ":::MLLOG {\"namespace\": \"\", \"time_ms\": \(milliseconds - late), "
            text += "\"event_type\": \"POINT_IN_TIME\", \"key\": \"power_reading\", \"value\": \(watts)}\n"
            if odd != 2 { milliseconds += odd == 3 ? 19_000 : .random(in: 1990...2030, using: &random) }
        }
        try Data(text.utf8).write(to: URL(filePath: path))
    }
}
