import Energy
import Testing

@testable import Emissions

@Suite struct FactorFetchTests {
    private func query(
        _ provider: FactorProvider = .electricityMaps, zone: String = "DE", area: String? = nil,
        from: String = "2024-03-01", to: String = "2024-03-02", now: String = "2024-12-01"
    ) throws -> FactorQuery {
        try FactorQuery(
            provider, zone: zone, area: area, from: #require(UTCTime(civil: from)), to: #require(UTCTime(civil: to)),
            now: #require(UTCTime(civil: now)))
    }

    private let now = UTCTime(hour: 475_000)

    @Test func longPeriodsAreAskedInParts() throws {
        let year = try query(from: "2023-01-01", to: "2024-01-01")
        #expect(year.spans.count == 37)
        #expect(year.spans.map(\.count).reduce(0, +) == 8760)
        #expect(zip(year.spans, year.spans.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(try query(.wattTime, from: "2023-01-01", to: "2024-01-01").spans.allSatisfy { $0.count <= 32 * 24 })
        #expect(
            try query(.carbonIntensityGB, zone: "GB", from: "2023-01-01", to: "2024-01-01").spans
                .allSatisfy { $0.count <= 14 * 24 })
    }

    @Test func badQuestionsAreNotAsked() {
        #expect(throws: EmissionsError.self) { try query(from: "2024-03-02", to: "2024-03-01") }
        #expect(throws: EmissionsError.self) { try query(to: "2024-12-02") }
        #expect(throws: EmissionsError.self) { try query(from: "1990-01-01") }
        #expect(throws: EmissionsError.self) { try query(zone: "DE&auth=x") }
        #expect(throws: EmissionsError.self) { try query(zone: "") }
        #expect(throws: EmissionsError.self) { try query(.entsoe, zone: "DE") }
        #expect(throws: EmissionsError.self) { try query(.entsoe, zone: "DE", area: "10Y") }
        #expect(throws: EmissionsError.self) { try query(.carbonIntensityGB, zone: "GB-18") }
    }

    @Test func pausesAreBounded() throws {
        var fetch = FactorFetch(try query())
        let tooMany = FactorFetch.Answer(status: 429, body: [])
        for _ in 1..<FactorFetch.maximumTries {
            #expect(try fetch.receive(tooMany, now: now) == .wait(seconds: 60))
        }
        let error = #expect(throws: EmissionsError.self) { try fetch.receive(tooMany, now: now) }
        #expect(error?.code == .unavailable)
        var patient = FactorFetch(try query())
        #expect(throws: EmissionsError.self) {
            try patient.receive(FactorFetch.Answer(status: 429, retryAfter: "86400", body: []), now: now)
        }
        var lost = FactorFetch(try query())
        #expect(try lost.lost("reset") == .wait(seconds: 2))
        #expect(try lost.lost("reset") == .wait(seconds: 4))
    }

    @Test func retryAfterIsSecondsOrADate() throws {
        let now = try #require(UTCTime(civil: "2024-03-01T05:00:00Z"))
        #expect(RetryAfter.seconds("120", now: now) == 120)
        #expect(RetryAfter.seconds("Fri, 01 Mar 2024 05:01:30 GMT", now: now) == 90)
        #expect(RetryAfter.seconds("Fri, 01 Mar 2024 04:00:00 GMT", now: now) == 0)
        #expect(RetryAfter.seconds("soon", now: now) == nil)
        #expect(RetryAfter.seconds("99999999999999999999", now: now) == nil)
    }

    @Test func anAnswerForAnotherZoneIsRefused() throws {
        var fetch = FactorFetch(try query())
        let body =
            #"{"zone":"FR","data":[{"carbonIntensity":50,"datetime":"2024-03-01T05:00:00Z","#
            + #""emissionFactorType":"direct"}]}"#
        let error = #expect(throws: EmissionsError.self) {
            try fetch.receive(FactorFetch.Answer(status: 200, body: Array(body.utf8)), now: now)
        }
        #expect(error?.code == .malformedAnswer)
    }

    @Test func theTableIsReadBackAsItWas() throws {
        var fetch = FactorFetch(try query())
        let body =
            #"{"zone":"DE","data":[{"carbonIntensity":302,"datetime":"2024-03-01T05:00:00Z","#
            + #""emissionFactorType":"direct","isEstimated":true}]}"#
        let step = try fetch.receive(FactorFetch.Answer(status: 200, body: Array(body.utf8)), now: now)
        guard case .finished(let fetched) = step else {
            Issue.record("\(step)")
            return
        }
        let file = try FactorFile(ownTable: Array(fetched.tableText.utf8), source: .sample, basis: fetched.basis)
        #expect(file.factors.map(\.microgramsPerKilowattHour) == [302_000_000])
        #expect(file.factors.map(\.isEstimated) == [true])
        #expect(fetched.missingHours.count == 23)
    }
}
