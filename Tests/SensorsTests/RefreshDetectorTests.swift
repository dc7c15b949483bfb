import Energy
import SeededRandom
import Testing

@testable import Sensors

@Suite struct RefreshDetectorTests {
    /// A BMC that looks every `refresh` ms at a load and shows the last look, asked every `poll` ms.
    private func poll(
        refresh: Int64, poll: Int64, seconds: Int64, load: (Int64) -> Int64
    ) -> (detector: RefreshDetector, news: [(Int64, Int64)], all: [(Int64, Int64)]) {
        var detector = RefreshDetector(pollMilliseconds: poll)
        var news: [(Int64, Int64)] = []
        var all: [(Int64, Int64)] = []
        for milliseconds in stride(from: Int64(0), to: seconds * 1000, by: Int(poll)) {
            let shown = load(milliseconds / refresh * refresh)
            all.append((milliseconds, shown))
            if detector.take(shown, at: milliseconds * 1_000_000) { news.append((milliseconds, shown)) }
        }
        return (detector, news, all)
    }

    @Test(arguments: [(20_000, 5000), (10_000, 1000), (30_000, 10_000), (60_000, 5000)] as [(Int64, Int64)])
    func theRealCadenceIsFound(refresh: Int64, poll interval: Int64) {
        var random = SeededRandom(seed: UInt64(refresh))
        var noise: [Int64: Int64] = [:]
        let (detector, news, all) = poll(refresh: refresh, poll: interval, seconds: 3600) { time in
            if noise[time] == nil { noise[time] = Int64.random(in: 400_000_000...600_000_000, using: &random) }
            return noise[time] ?? 0
        }
        #expect(detector.refreshMilliseconds == refresh)
        #expect(news.count < all.count / 2 + 12)
    }

    @Test func aFastSensorKeepsEveryReading() {
        var random = SeededRandom(seed: 3)
        let (detector, news, all) = poll(refresh: 1000, poll: 5000, seconds: 600) { _ in
            Int64.random(in: 1...1_000_000_000, using: &random)
        }
        #expect(detector.refreshMilliseconds == nil && news.count == all.count)
    }

    /// Rare changes of a steady load are not a refresh time: every reading is kept, so that no hole opens.
    @Test func aSteadyLoadKeepsEveryReading() {
        let (detector, news, all) = poll(refresh: 1000, poll: 5000, seconds: 36_000) { $0 / 1_800_000 * 1_000_000 }
        #expect(detector.refreshMilliseconds == nil && news.count == all.count)
    }

    /// The integral over news is nearer to the truth of a sloping load than that over every repeated reading.
    @Test func theIntegralFollowsTheSlope() {
        let slope: (Int64) -> Int64 = { 100_000_000 + $0 * 1000 }
        let (_, news, all) = poll(refresh: 20_000, poll: 5000, seconds: 1200, load: slope)
        func integral(_ readings: [(Int64, Int64)]) -> Int64 {
            var integral = PowerIntegral(rule: .trapezoid)
            for (time, power) in readings { _ = integral.add(nanoseconds: time * 1_000_000, microwatts: power) }
            return integral.microjoules
        }
        var truth = PowerIntegral(rule: .trapezoid)
        _ = truth.add(nanoseconds: 0, microwatts: slope(0))
        let end = news[news.count - 1].0
        _ = truth.add(nanoseconds: end * 1_000_000, microwatts: slope(end))
        let upTo = all.filter { $0.0 <= end }
        #expect(abs(integral(news) - truth.microjoules) < abs(integral(upTo) - truth.microjoules))
    }
}
