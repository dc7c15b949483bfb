package import Energy
import JSONText

/// A conversation with a provider, without its connection: says what to send or how long to wait, and is told what
/// came.
package struct FactorFetch: Sendable {
    package enum Step: Sendable, Hashable {
        case send(ProviderRequest)
        /// Then `resume`.
        case wait(seconds: Int64)
        case finished(FetchedFactors)
    }

    package struct Answer: Sendable, Hashable {
        package var status: Int
        package var retryAfter: String?
        package var body: [UInt8]

        package init(status: Int, retryAfter: String? = nil, body: [UInt8]) {
            self.status = status
            self.retryAfter = retryAfter
            self.body = body
        }
    }

    /// A request is made so often, and a provider may ask for so long a pause, before it is given up.
    package static let maximumTries = 5
    package static let maximumPauseSeconds: Int64 = 900

    private let query: FactorQuery
    private var spans: ArraySlice<Range<Int64>>
    private var byHour: [Int64: GridFactor] = [:]
    private var result: FetchedFactors?
    private var forecastHours = 0
    private var version: String?
    private var bearer: String?
    private var tries = 0
    private var hasRenewedLogin = false

    package init(_ query: FactorQuery) {
        self.query = query
        spans = query.spans[...]
    }

    /// The first step, and the one after a wait.
    package mutating func resume() -> Step {
        guard let span = spans.first else { return .finished(finished()) }
        if query.provider == .wattTime, bearer == nil { return .send(FactorQuery.login) }
        return .send(query.request(span, bearer: bearer))
    }

    /// - Parameter now: for a Retry-After that is a date.
    /// - Throws: `refused` for what asking again does not change, `unavailable` for what it may, `malformedAnswer`.
    package mutating func receive(_ answer: Answer, now: UTCTime) throws(EmissionsError) -> Step {
        tries += 1
        switch answer.status {
        case 200: break
        // An area without data for the period: what ENTSO-E says in words is no refusal.
        case 400 where isEmpty(answer): break
        case 401, 403: return try unauthorized(answer)
        case 429, 503: return try pause(answer, now: now)
        case 500...: return try again(answer)
        default: throw refusal(answer)
        }
        tries = 0
        if query.provider == .wattTime, bearer == nil {
            bearer = try token(answer.body)
        } else if let span = spans.popFirst() {
            try take(answer, span)
            hasRenewedLogin = false
        }
        return resume()
    }

    /// The connection failed before an answer was there.
    package mutating func lost(_ reason: String) throws(EmissionsError) -> Step {
        tries += 1
        guard tries < Self.maximumTries else {
            throw EmissionsError(.unavailable, "\(query.provider.title) cannot be reached: \(reason)")
        }
        return .wait(seconds: backoffSeconds)
    }

    // MARK: Refusals

    private mutating func unauthorized(_ answer: Answer) throws(EmissionsError) -> Step {
        // A login is good for half an hour, less than the history of years takes.
        if query.provider == .wattTime, bearer != nil, answer.status == 401, !hasRenewedLogin {
            hasRenewedLogin = true
            bearer = nil
            return resume()
        }
        let remedy = query.provider.credential.map { "check \($0)" } ?? "it asks for no credential: look at its notices"
        throw EmissionsError(
            .refused, "\(query.provider.title) answered \(answer.status)\(Self.words(answer)): \(remedy)")
    }

    private mutating func pause(_ answer: Answer, now: UTCTime) throws(EmissionsError) -> Step {
        let stated = answer.retryAfter.flatMap { RetryAfter.seconds($0, now: now) }
        let seconds = max(1, stated ?? (answer.status == 429 ? query.provider.pauseSeconds : backoffSeconds))
        guard tries < Self.maximumTries, seconds <= Self.maximumPauseSeconds else {
            throw EmissionsError(
                .unavailable,
                "\(query.provider.title) answered \(answer.status) and wants a pause of \(seconds) s: try again later")
        }
        return .wait(seconds: seconds)
    }

    private mutating func again(_ answer: Answer) throws(EmissionsError) -> Step {
        guard tries < Self.maximumTries else {
            throw EmissionsError(
                .unavailable, "\(query.provider.title) answered \(answer.status) \(tries) times: try again later")
        }
        return .wait(seconds: backoffSeconds)
    }

    private var backoffSeconds: Int64 { 1 << Int64(min(tries, 6)) }

    private func refusal(_ answer: Answer) -> EmissionsError {
        EmissionsError(
            .refused,
            "\(query.provider.title) answered \(answer.status)\(Self.words(answer)): check zone, area and period")
    }

    /// What a refusal says, as far as it is short text.
    private static func words(_ answer: Answer) -> String {
        let document = try? JSONValue(parsing: answer.body)
        let said =
            (document?["message"] ?? document?["error"]?["message"] ?? document?["error"] ?? document?["detail"])?
            .string ?? (try? XMLElement(parsing: answer.body))?["Reason"]?["text"]?.text
        return said.map { ", \($0.prefix(200))" } ?? ""
    }

    // MARK: Values

    private func token(_ body: [UInt8]) throws(EmissionsError) -> String {
        guard let token = (try? JSONValue(parsing: body))?["token"]?.string,
            !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw .malformed(query.provider.title, "the login gave no token") }
        return token
    }

    private func isEmpty(_ answer: Answer) -> Bool {
        guard query.provider == .entsoe, let document = try? XMLElement(parsing: answer.body) else { return false }
        return document.name == "Acknowledgement_MarketDocument" && document["Reason"]?["code"]?.text == "999"
    }

    private mutating func take(_ answer: Answer, _ span: Range<Int64>) throws(EmissionsError) {
        // ENTSO-E says with the same code that there is nothing and that too much was asked; the words tell them apart.
        if isEmpty(answer) {
            guard Self.words(answer).contains("No matching data") else { throw refusal(answer) }
            return
        }
        let parsed = try parse(answer.body)
        if result == nil { result = FetchedFactors(basis: parsed.basis) }
        guard result?.basis == parsed.basis || parsed.factors.isEmpty else {
            throw .malformed(query.provider.title, "answers of different kinds for one period")
        }
        for factor in parsed.factors {
            guard factor.zone == query.answeredZone else {
                throw .malformed(query.provider.title, "asked for \(query.answeredZone), answered for \(factor.zone)")
            }
            // Providers give the value before or after a span too.
            guard case .hour(let hour) = factor.period, span.contains(hour) else { continue }
            if factor.isForecast, !query.keepsForecasts {
                forecastHours += 1
                continue
            }
            var factor = factor
            factor.zone = query.zone
            byHour[hour] = factor
        }
    }

    private mutating func parse(_ body: [UInt8]) throws(EmissionsError) -> ProviderAnswer {
        switch query.provider {
        case .electricityMaps:
            let answer = try ProviderAnswer(electricityMaps: body, requested: query.scope)
            guard answer.basis.scope == query.scope else {
                throw .malformed(query.provider.title, "asked for \(query.scope) and got \(answer.basis.scope) factors")
            }
            return answer
        case .wattTime:
            version = (try? JSONValue(parsing: body))?["meta"]?["model"]?["date"]?.string ?? version
            return try ProviderAnswer(wattTime: body, purpose: .inventory)
        case .carbonIntensityGB: return try ProviderAnswer(carbonIntensityGB: body)
        case .entsoe:
            return try ProviderAnswer(entsoe: body, zone: query.zone, factors: .ipccFifthAssessmentLifecycle)
        case .energiDataService: return try ProviderAnswer(energiDataService: body)
        }
    }

    private func finished() -> FetchedFactors {
        var fetched = result ?? FetchedFactors(basis: FactorBasis(scope: query.scope))
        fetched.factors = byHour.sorted { $0.key < $1.key }.map(\.value)
        fetched.missingHours = query.hours.filter { byHour[$0] == nil }
        fetched.forecastHours = forecastHours
        fetched.version = version
        return fetched
    }
}
