import Energy

/// A GET that a provider understands. It says how the caller's secret is to be shown and never contains it, so that it
/// can stand in a log and in a citation.
package struct ProviderRequest: Sendable, Hashable, CustomStringConvertible {
    package enum Proof: Sendable, Hashable {
        case none
        /// The secret as the value of a header.
        case header(String)
        /// The secret as a member of the query.
        case query(String)
        /// The secret as user and password.
        case basic
        /// What a login gave.
        case bearer(String)
    }

    package struct Parameter: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    package var path: String
    /// Not encoded.
    package var query: [Parameter] = []
    package var proof: Proof = .none

    package var description: String {
        query.isEmpty ? path : "\(path)?\(query.map { "\($0.name)=\($0.value)" }.joined(separator: "&"))"
    }
}

extension FactorQuery {
    static let login = ProviderRequest(path: "/login", proof: .basic)

    /// - Parameter bearer: what WattTime's login gave.
    func request(_ span: Range<Int64>, bearer: String? = nil) -> ProviderRequest {
        let start = HourText(span.lowerBound)
        let end = HourText(span.upperBound)
        switch provider {
        case .electricityMaps:
            return ProviderRequest(
                path: "/v3/carbon-intensity/past-range",
                query: parameters(
                    ("zone", area), ("start", start.seconds), ("end", end.seconds),
                    ("emissionFactorType", scope.rawValue)),
                proof: .header("auth-token"))
        case .wattTime:
            return ProviderRequest(
                path: "/v3/historical",
                query: parameters(
                    ("region", area), ("start", start.seconds), ("end", end.seconds), ("signal_type", "co2_aoer")),
                proof: .bearer(bearer ?? ""))
        case .carbonIntensityGB:
            let period = "\(start.minutes)/\(end.minutes)"
            return ProviderRequest(
                path: regionGB.map { "/regional/intensity/\(period)/regionid/\($0)" } ?? "/intensity/\(period)")
        case .entsoe:
            return ProviderRequest(
                path: "/api",
                query: parameters(
                    ("documentType", "A75"), ("processType", "A16"), ("in_Domain", area),
                    ("periodStart", start.digits), ("periodEnd", end.digits)),
                proof: .query("securityToken"))
        case .energiDataService:
            // Without a limit of 0 the first hundred records alone are given.
            return ProviderRequest(
                path: "/dataset/CO2Emis",
                query: parameters(
                    ("start", start.plain), ("end", end.plain), ("timezone", "UTC"),
                    ("filter", #"{"PriceArea":["\#(area)"]}"#), ("sort", "Minutes5UTC"), ("limit", "0")))
        }
    }

    private func parameters(_ pairs: (String, String)...) -> [ProviderRequest.Parameter] {
        pairs.map { ProviderRequest.Parameter(name: $0.0, value: $0.1) }
    }
}

/// A whole hour in the forms that providers ask for.
private struct HourText {
    private let date: String
    private let hour: String

    init(_ hour: Int64) {
        // 2024-03-01T05Z
        let text = FactorPeriod.hour(hour).text
        date = String(text.prefix(10))
        self.hour = String(text.dropFirst(11).prefix(2))
    }

    var seconds: String { "\(date)T\(hour):00:00Z" }
    var minutes: String { "\(date)T\(hour):00Z" }
    var plain: String { "\(date)T\(hour):00" }
    var digits: String { date.filter { $0 != "-" } + hour + "00" }
}
