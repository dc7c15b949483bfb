package import Energy

/// Which hours of which zone are asked of whom.
package struct FactorQuery: Sendable, Hashable {
    package let provider: FactorProvider
    /// The zone as sites name it.
    package let zone: String
    /// The zone as the provider names it.
    package let area: String
    package let hours: Range<Int64>
    /// Electricity Maps has direct and lifecycle factors; the others have one kind.
    package let scope: FactorBasis.Scope
    /// Values that were a forecast when they were fetched count as missing unless they are asked for.
    package let keepsForecasts: Bool

    package static let maximumHours: Int64 = 3 * 366 * 24

    /// - Parameters:
    ///   - area: nil derives it from the zone, which ENTSO-E's codes do not allow.
    ///   - now: hours that have not ended yet have no factor.
    /// - Throws: `outOfRange` or `missingInput` with the remedy.
    package init(
        _ provider: FactorProvider, zone: String, area: String? = nil, from start: UTCTime, to end: UTCTime,
        now: UTCTime, scope: FactorBasis.Scope = .direct, keepsForecasts: Bool = false
    ) throws(EmissionsError) {
        guard start < end, end.hour - start.hour <= Self.maximumHours else {
            throw EmissionsError(.outOfRange, "the period is empty or longer than three years: fetch it in parts")
        }
        guard end <= now else {
            throw EmissionsError(.outOfRange, "the period ends after now: an hour has a factor when it is over")
        }
        self.provider = provider
        self.zone = zone
        if let area {
            self.area = area
        } else {
            self.area = try Self.area(of: zone, provider)
        }
        hours = start.hour..<end.hour
        self.scope = scope
        self.keepsForecasts = keepsForecasts
        try check(zone: zone)
    }

    private func check(zone: String) throws(EmissionsError) {
        for name in [zone, area] {
            guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy(Self.isNameByte) else {
                throw EmissionsError(.outOfRange, "'\(name.prefix(64))' is no zone: letters, digits, '-' and '_'")
            }
        }
        guard scope != .unknown else {
            throw EmissionsError(.missingInput, "say whether direct or lifecycle factors are wanted")
        }
        if provider == .entsoe, area.utf8.count != 16 {
            throw EmissionsError(
                .outOfRange, "'\(area)' is no area code: an EIC has 16 characters, such as 10Y1001A1001A83F")
        }
        if provider == .carbonIntensityGB, regionGB == nil, area != "GB" {
            throw EmissionsError(.outOfRange, "'\(area)' is neither GB nor GB-1 to GB-17")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func area(of zone: String, _ provider: FactorProvider) throws(EmissionsError) -> String {
        switch provider {
        case .electricityMaps, .wattTime, .carbonIntensityGB: return zone
        case .energiDataService: return zone.hasPrefix("DK-") ? String(zone.dropFirst(3)) : zone
        case .entsoe:
            throw EmissionsError(.missingInput, "ENTSO-E knows areas by their EIC: give it beside the zone")
        }
    }

    /// The number of a British region; nil for the whole of Great Britain.
    var regionGB: Int? {
        guard area.hasPrefix("GB-"), let number = Int(area.dropFirst(3)), (1...17).contains(number) else { return nil }
        return number
    }

    /// The spans that are asked one after the other.
    var spans: [Range<Int64>] {
        stride(from: hours.lowerBound, to: hours.upperBound, by: Int(provider.hoursPerRequest)).map {
            $0..<min($0 + provider.hoursPerRequest, hours.upperBound)
        }
    }

    /// The zone by which an answer names what was asked.
    var answeredZone: String {
        switch provider {
        case .electricityMaps, .wattTime, .carbonIntensityGB: area
        case .energiDataService: "DK-\(area)"
        case .entsoe: zone
        }
    }
}
