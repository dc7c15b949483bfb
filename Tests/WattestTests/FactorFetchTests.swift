import AsyncHTTPClient
import Emissions
import Energy
import JSONText
import Testing

@testable import wattest

/// Each provider's documented answers over real HTTP, from the request to the table that is declared.
@Suite struct FactorFetchTests {
    private func query(
        _ provider: FactorProvider, _ zone: String, area: String? = nil, _ from: String, _ to: String,
        keepsForecasts: Bool = false
    ) throws -> FactorQuery {
        try FactorQuery(
            provider, zone: zone, area: area, from: #require(UTCTime(civil: from)), to: #require(UTCTime(civil: to)),
            now: #require(UTCTime(civil: "2024-12-01")), keepsForecasts: keepsForecasts)
    }

    private func failure(
        _ name: String, _ query: FactorQuery, secret: String = "secret"
    ) async throws -> CommandFailure? {
        do {
            _ = try await ReplayedProvider(name).fetch(query, secret: secret)
            return nil
        } catch {
            return error as? CommandFailure
        }
    }

    @Test func electricityMapsWaitsAndLeavesMissingHoursOut() async throws {
        let provider = try ReplayedProvider("electricity-maps")
        let query = try query(.electricityMaps, "DE", "2024-03-31T00:00Z", "2024-03-31T04:00Z")
        let (outcome, pauses) = try await provider.fetch(query)
        #expect(provider.isExhausted)
        #expect(pauses == [7])
        #expect(outcome.factors.factors.map(\.microgramsPerKilowattHour) == [212_000_000, 208_000_000, 199_000_000])
        #expect(outcome.factors.missingSpans == ["2024-03-31T02Z/2024-03-31T03Z"])
        #expect(outcome.factors.estimatedHours == 1)
        #expect(outcome.factors.basis.scope == .direct)
        #expect(
            outcome.factors.tableText == """
                zone,period,g_per_kwh,estimated,forecast
                DE,2024-03-31T00Z,212,false,false
                DE,2024-03-31T01Z,208,false,false
                DE,2024-03-31T03Z,199,true,false

                """)
    }

    @Test func aWrongTokenIsRefusedWithoutBeingTold() async throws {
        let maps = try query(.electricityMaps, "DE", "2024-03-31T00:00Z", "2024-03-31T04:00Z")
        let refused = try await failure("electricity-maps-unauthorized", maps)
        #expect(refused?.status == .refused)
        #expect(refused?.code == "PROVIDER_REFUSED")
        #expect(refused?.message == "Electricity Maps answered 401, Invalid auth-token: check the API token")
        let entsoe = try query(
            .entsoe, "DE", area: "10Y1001A1001A83F", "2024-03-31T00:00Z", "2024-03-31T03:00Z")
        let tokenless = try await failure("entsoe-unauthorized", entsoe)
        #expect(tokenless?.message.contains("401") == true)
        #expect(tokenless?.message.contains("check the security token") == true)
    }

    @Test func anotherKindThanAskedIsRefused() async throws {
        let maps = try query(.electricityMaps, "DE", "2024-03-31T00:00Z", "2024-03-31T04:00Z")
        #expect(try await failure("electricity-maps-lifecycle", maps)?.code == "PROVIDER_ANSWER")
    }

    @Test func wattTimeLogsInAgainAndMarksHalfAnHour() async throws {
        let provider = try ReplayedProvider("watttime")
        let query = try query(
            .wattTime, "US-CAL-CISO", area: "CAISO_NORTH", "2024-03-10T09:00Z", "2024-03-10T12:00Z")
        let (outcome, pauses) = try await provider.fetch(query, secret: "user:pass:word")
        #expect(provider.isExhausted)
        #expect(pauses.isEmpty)
        // Mean 627.5 lb/MWh · 0.45359237, then 500.
        #expect(outcome.factors.factors.map(\.microgramsPerKilowattHour) == [284_629_212, 226_796_185])
        #expect(outcome.factors.factors.map(\.zone) == ["US-CAL-CISO", "US-CAL-CISO"])
        #expect(outcome.factors.factors.map(\.isEstimated) == [false, true])
        #expect(outcome.factors.missingSpans == ["2024-03-10T11Z/2024-03-10T12Z"])
        #expect(outcome.factors.version == "2023-03-01")
        #expect(outcome.factors.basis.signal == .average)
    }

    @Test func theMarginalSignalIsRefused() async throws {
        let query = try query(.wattTime, "CAISO_NORTH", "2024-03-10T09:00Z", "2024-03-10T12:00Z")
        let refused = try await failure("watttime-marginal", query, secret: "user:pass:word")
        #expect(refused?.code == "MARGINAL_SIGNAL")
        #expect(refused?.status == .refused)
    }

    @Test func britishForecastsAreNoValues() async throws {
        let settled = try query(.carbonIntensityGB, "GB", "2024-03-31T00:00Z", "2024-03-31T03:00Z")
        let (outcome, _) = try await ReplayedProvider("carbon-intensity-gb").fetch(settled, secret: nil)
        #expect(outcome.factors.factors.map(\.microgramsPerKilowattHour) == [101_500_000, 98_500_000])
        #expect(outcome.factors.forecastHours == 1)
        #expect(outcome.factors.missingSpans == ["2024-03-31T02Z/2024-03-31T03Z"])
        let all = try query(
            .carbonIntensityGB, "GB", "2024-03-31T00:00Z", "2024-03-31T03:00Z", keepsForecasts: true)
        let (kept, _) = try await ReplayedProvider("carbon-intensity-gb").fetch(all, secret: nil)
        #expect(kept.factors.factors.map(\.isForecast) == [false, false, true])
        let refused = try await failure("carbon-intensity-gb-error", settled)
        #expect(refused?.message.contains("Please enter a valid datetime") == true)
    }

    @Test func entsoeWeighsGenerationAndKnowsNothing() async throws {
        let query = try query(
            .entsoe, "DE", area: "10Y1001A1001A83F", "2024-03-31T00:00Z", "2024-03-31T03:00Z")
        let (outcome, pauses) = try await ReplayedProvider("entsoe").fetch(query)
        #expect(pauses == [2])
        // (1000 · 820 + 3000 · 11) / 4000 and (500 · 820 + 3500 · 11) / 4000.
        #expect(outcome.factors.factors.map(\.microgramsPerKilowattHour) == [213_250_000, 112_125_000])
        #expect(outcome.factors.basis.scope == .lifecycle)
        #expect(outcome.factors.missingSpans == ["2024-03-31T02Z/2024-03-31T03Z"])
        #expect(!outcome.requests.joined().contains("secret"))
        let (none, _) = try await ReplayedProvider("entsoe-none").fetch(query)
        #expect(none.factors.factors.isEmpty)
        #expect(none.factors.missingHours.count == 3)
    }

    @Test func theHourThatComesTwiceInDenmarkIsTwoHours() async throws {
        let query = try query(.energiDataService, "DK-DK1", "2024-10-27T00:00Z", "2024-10-27T02:00Z")
        let (outcome, _) = try await ReplayedProvider("energi-data-service").fetch(query, secret: nil)
        #expect(outcome.factors.factors.map(\.microgramsPerKilowattHour) == [100_000_000, 120_000_000])
        #expect(outcome.factors.missingHours.isEmpty)
    }

    @Test func theDeclarationSaysWhatItRestsOn() async throws {
        let query = try query(.energiDataService, "DK-DK1", "2024-10-27T00:00Z", "2024-10-27T02:00Z")
        let (outcome, _) = try await ReplayedProvider("energi-data-service").fetch(query, secret: nil)
        let result = FactorFetchResult(
            query: query, outcome: outcome, retrievedAt: try #require(UTCTime(civil: "2024-12-01T10:00Z")))
        let body = result.body(licence: nil, reason: "monthly")
        let declaration = try #require(body["declaration"])
        #expect(declaration["provider"] == "Energi Data Service")
        #expect(declaration["scope"] == "direct")
        #expect(declaration["retrieved_at"] == "2024-12-01T10:00:00Z")
        #expect(declaration["citation"]?.string?.contains(outcome.answersSHA256) == true)
        #expect(body["content"]?.string == outcome.factors.tableText)
        #expect(body["reason"] == "monthly")
    }

    @Test func aSecretDoesNotLeaveTheHostInClear() async throws {
        let client = ProviderExchange.client()
        #expect(throws: CommandFailure.self) {
            try ProviderExchange(client, base: "http://api.example.org", secret: "secret")
        }
        _ = try ProviderExchange(client, base: "http://127.0.0.1:80/", secret: "secret")
        try await client.shutdown()
    }
}
