import ArgumentParser
import Emissions
import Energy
import Identity
import Sensors

/// Formats of logs that hold readings over time.
enum RecordedFormat: String, ExpressibleByArgument, CaseIterable {
    case csv
    case mlperf
    case nvidiaSMI = "nvidia-smi-csv"
    case dcgm = "dcgm-csv"

    var format: RecordedLog.Format {
        switch self {
        case .csv: .csv
        case .mlperf: .mlperf
        case .nvidiaSMI: .nvidiaSMI
        case .dcgm: .dcgm
        }
    }
}

/// Readings of several files taken together: the energy of all of them up to any moment.
///
/// Power is integrated by trapezoids and held beyond the first and last reading; a counter is interpolated and held.
struct RecordedPower {
    private struct Line {
        var times: [Int64]
        /// Energy up to each time, in µJ.
        var energy: [Int128]
        /// Power before the first and after the last reading, in µW.
        var edges: (first: Int64, last: Int64)

        func microjoules(at time: Int64) -> Int128 {
            guard let first = times.first, let last = times.last, let total = energy.last else { return 0 }
            if time <= first { return -Int128(first - time) * Int128(edges.first) / 1_000_000 }
            if time >= last { return total + Int128(time - last) * Int128(edges.last) / 1_000_000 }
            var low = 0
            var high = times.count - 1
            while high - low > 1 {
                let middle = (low + high) / 2
                if times[middle] <= time { low = middle } else { high = middle }
            }
            let span = Int128(times[high] - times[low])
            guard span > 0 else { return energy[high] }
            return energy[low] + (energy[high] - energy[low]) * Int128(time - times[low]) / span
        }
    }

    private let lines: [Line]
    /// First and last reading of any file, in µs since 1970.
    let first: Int64
    let last: Int64

    init(_ paths: [String], format: RecordedLog.Format) throws(CommandFailure) {
        var lines: [Line] = []
        for path in paths {
            let bytes: [UInt8]
            do {
                bytes = try PrivateFile.read(path)
            } catch {
                throw CommandFailure(.usage, "FILE", error.description)
            }
            let log = RecordedLog.parse(bytes, format: format)
            if let problem = log.problems.first {
                throw .file("\(problem)", path, "correct or remove the line; is --format right for this file?")
            }
            let read = log.series.compactMap(Self.line)
            guard !read.isEmpty else {
                throw .file("there are no readings of format \(format.rawValue)", path, "is --format right?")
            }
            lines += read
        }
        guard let first = lines.compactMap(\.times.first).min(), let last = lines.compactMap(\.times.last).max(),
            first < last
        else { throw .usage("the files hold fewer than two readings", "give logs of more than a moment") }
        self.lines = lines
        self.first = first
        self.last = last
    }

    private static func line(_ series: RecordedSeries) -> Line? {
        switch series.points {
        case .power(let points):
            guard let first = points.first, let last = points.last else { return nil }
            var energy: [Int128] = [0]
            var twice: Int128 = 0
            for (earlier, later) in zip(points, points.dropFirst()) {
                let span = Int128(later.utcMicroseconds - earlier.utcMicroseconds)
                twice += span * (Int128(earlier.powerMicrowatts) + Int128(later.powerMicrowatts))
                energy.append(twice / 2_000_000)
            }
            // A stamp far outside the rest belongs to a constant that was estimated once: it holds throughout.
            return Line(
                times: points.map(\.utcMicroseconds), energy: energy,
                edges: (first.powerMicrowatts, last.powerMicrowatts))
        case .counter(let points):
            guard let origin = points.first?.energyMicrojoules else { return nil }
            return Line(
                times: points.map(\.utcMicroseconds),
                energy: points.map { Int128($0.energyMicrojoules) - Int128(origin) }, edges: (0, 0))
        }
    }

    func microjoules(from start: Int64, to end: Int64) -> Int128 {
        lines.reduce(0) { $0 + $1.microjoules(at: end) - $1.microjoules(at: start) }
    }

    /// Cumulative readings for a forecast, at equal steps.
    func steps(
        from start: Int64, to end: Int64, count: Int
    ) -> [(elapsedMilliseconds: Int64, microjoules: Int64)] {
        (1...max(1, count)).map { step in
            let time = start + (end - start) * Int64(step) / Int64(max(1, count))
            let energy = microjoules(from: start, to: time)
            return ((time - start) / 1000, Int64(clamping: energy))
        }
    }

    /// What an estimate rests on that takes the mean for a longer time.
    func sampleText() throws(EmissionsError) -> String {
        let hours = try ExactRatio(Int128(last - first), over: 3_600_000_000).text(significant: 4)
        return "power is the mean of \(lines.count) recorded series over \(hours) h, taken for all of the time"
    }

    /// The mean over everything read, in watts.
    func meanWatts() throws(EmissionsError) -> DecimalFigure {
        try ExactRatio(microjoules(from: first, to: last), over: Int128(last - first)).rounded(decimals: 6)
    }
}
