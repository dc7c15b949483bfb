/// Whom factors are fetched from.
///
/// What is asked, and within which limits, follows each provider's public description of its interface:
/// Electricity Maps, "Carbon intensity: past range" (hourly values, ten days a request); WattTime, docs.watttime.org
/// (32 days a request, tokens of 30 minutes, 429 above 3,000 requests in five minutes); NESO, "Carbon Intensity API"
/// (half-hours, 14 days a request); ENTSO-E, "Transparency Platform RESTful API user guide", section 4.4.8 (A75, a year
/// a request, 400 requests a minute, else ten minutes of 429); Energinet, "Energi Data Service API guides".
package enum FactorProvider: String, Sendable, Hashable, CaseIterable {
    case electricityMaps = "electricity-maps"
    case wattTime = "watttime"
    case carbonIntensityGB = "carbon-intensity-gb"
    case entsoe
    case energiDataService = "energi-data-service"

    package var title: String {
        switch self {
        case .electricityMaps: "Electricity Maps"
        case .wattTime: "WattTime"
        case .carbonIntensityGB: "Carbon Intensity API"
        case .entsoe: "ENTSO-E"
        case .energiDataService: "Energi Data Service"
        }
    }

    package var address: String {
        switch self {
        case .electricityMaps: "https://api.electricitymaps.com"
        case .wattTime: "https://api.watttime.org"
        case .carbonIntensityGB: "https://api.carbonintensity.org.uk"
        case .entsoe: "https://web-api.tp.entsoe.eu"
        case .energiDataService: "https://api.energidataservice.dk"
        }
    }

    package var dataset: String {
        switch self {
        case .electricityMaps: "carbon intensity of consumption, hourly"
        case .wattTime: "co2_aoer, average operating emission rate"
        case .carbonIntensityGB: "intensity, half-hourly"
        case .entsoe: "A75 actual generation per type, weighed by technology"
        case .energiDataService: "CO2Emis, five-minute"
        }
    }

    /// What a table is declared to be used under, unless the one who fetches it says otherwise.
    package var licence: String {
        switch self {
        case .electricityMaps: "terms of the Electricity Maps API subscription"
        case .wattTime: "terms of the WattTime API subscription"
        case .carbonIntensityGB: "terms of use of the Carbon Intensity API"
        case .entsoe: "terms of the ENTSO-E Transparency Platform"
        case .energiDataService: "terms of the Energi Data Service"
        }
    }

    /// What must be had from the provider before it answers; nil when it asks for nothing.
    package var credential: String? {
        switch self {
        case .electricityMaps: "the API token"
        case .wattTime: "USER:PASSWORD of the account"
        case .entsoe: "the security token"
        case .carbonIntensityGB, .energiDataService: nil
        }
    }

    /// The longest span asked at once, in hours.
    var hoursPerRequest: Int64 {
        switch self {
        case .electricityMaps: 10 * 24
        case .wattTime: 31 * 24
        case .carbonIntensityGB: 13 * 24
        case .entsoe: 31 * 24
        case .energiDataService: 31 * 24
        }
    }

    /// Seconds to wait after 429 without Retry-After.
    var pauseSeconds: Int64 {
        switch self {
        case .entsoe: 600
        case .wattTime: 300
        case .electricityMaps, .carbonIntensityGB, .energiDataService: 60
        }
    }
}
