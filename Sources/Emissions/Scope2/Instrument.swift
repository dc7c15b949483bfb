package import Energy

/// A contract or certificate that carries a claim on how energy was generated.
package struct Instrument: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case guaranteeOfOrigin = "go"
        case renewableEnergyCertificate = "rec"
        case powerPurchaseAgreement = "ppa"
        case supplierRate = "supplier-rate"
        case onSite = "on-site"
        case other
    }

    /// How much was retired, and how finely its time is known.
    package enum Volume: Sendable, Hashable {
        /// Only the vintage's span is known: it counts in the annual rule alone.
        case span(microjoules: Int128)
        /// By hour since 1970: it counts in both rules.
        case hourly([Int64: Int128])

        package var microjoules: Int128 {
            switch self {
            case .span(let energy): energy
            case .hourly(let hours): hours.values.reduce(0) { $0.addingReportingOverflow($1).partialValue }
            }
        }
    }

    package var id: String
    package var kind: Kind
    /// Each may be used once, by anyone.
    package var certificateIDs: [String]
    package var market: String
    package var vintage: UTCInterval
    package var volume: Volume
    /// For whom the registry says that it was retired.
    package var retiredFor: String
    package var microgramsPerKilowattHour: Int64
    /// Lower-case hex SHA-256 of the retirement document.
    package var documentSHA256: String

    package init(
        id: String, kind: Kind, certificateIDs: [String], market: String, vintage: UTCInterval, volume: Volume,
        retiredFor: String, microgramsPerKilowattHour: Int64, documentSHA256: String
    ) {
        self.id = id
        self.kind = kind
        self.certificateIDs = certificateIDs
        self.market = market
        self.vintage = vintage
        self.volume = volume
        self.retiredFor = retiredFor
        self.microgramsPerKilowattHour = microgramsPerKilowattHour
        self.documentSHA256 = documentSHA256
    }

    /// The calendar year of the vintage, nil when it spans several.
    var vintageYear: Int? {
        let first = CivilDate(hour: vintage.start.hour).year
        let last = CivilDate(hour: UTCTime(microseconds: vintage.end.microseconds - 1).hour).year
        return vintage.start < vintage.end && first == last ? first : nil
    }
}

/// The instruments that a market-based figure may use, after the quality criteria of the GHG Protocol's Scope 2
/// guidance.
package struct ScreenedInstruments: Sendable, Hashable {
    package struct Refusal: Sendable, Hashable {
        package let id: String
        package let reasons: [String]
    }

    package let accepted: [Instrument]
    package let refused: [Refusal]

    /// - Parameters:
    ///   - organization: the name for which instruments must be retired, exactly.
    ///   - otherNames: names that the organization has or had at other times. A registry keeps the name of the day on
    ///     which it retired a certificate, so that a renamed organization does not lose what it has.
    ///   - usedCertificateIDs: certificates that other reports of other years, sites or organizations have used.
    ///   - markets: where the organization draws power.
    ///   - years: calendar years of the period.
    ///   - holdsThoseOfOtherYears: whether the certificates of a sound instrument of another year or market are taken.
    package init(
        _ instruments: [Instrument], organization: String, otherNames: Set<String> = [],
        usedCertificateIDs: Set<String>, markets: Set<String>, years: ClosedRange<Int>,
        holdsThoseOfOtherYears: Bool = true
    ) {
        var used = usedCertificateIDs
        var accepted: [Instrument] = []
        var refused: [Refusal] = []
        for instrument in instruments.sorted(by: { $0.id < $1.id }) {
            var reasons = Self.faults(of: instrument, organization: organization, otherNames: otherNames)
            var ids = used
            for certificate in instrument.certificateIDs where !ids.insert(certificate).inserted {
                reasons.append("certificate \(certificate) is used already")
            }
            // A sound instrument has its certificates for good: those of another year's are not free in this one.
            if reasons.isEmpty, holdsThoseOfOtherYears { used = ids }
            reasons += Self.misfits(of: instrument, markets: markets, years: years)
            if reasons.isEmpty {
                used = ids
                accepted.append(instrument)
            } else {
                refused.append(Refusal(id: instrument.id, reasons: reasons))
            }
        }
        self.accepted = accepted
        self.refused = refused
    }

    /// What makes it unfit for any report.
    private static func faults(
        of instrument: Instrument, organization: String, otherNames: Set<String>
    ) -> [String] {
        var faults: [String] = []
        if instrument.certificateIDs.isEmpty, instrument.kind != .supplierRate, instrument.kind != .onSite {
            faults.append("no certificate id")
        }
        if instrument.retiredFor != organization, !otherNames.contains(instrument.retiredFor) {
            faults.append("retired for '\(instrument.retiredFor)', not for '\(organization)'")
        }
        if instrument.vintageYear == nil { faults.append("the vintage spans several years or none: split it by year") }
        if !(0...GridFactor.maximumMicrogramsPerKilowattHour).contains(instrument.microgramsPerKilowattHour) {
            faults.append("its factor is no figure between 0 and 5000 g/kWh")
        }
        if !hasSoundVolume(instrument) { faults.append("a volume is below zero or outside the vintage") }
        return faults
    }

    /// What makes it unfit for this one.
    private static func misfits(
        of instrument: Instrument, markets: Set<String>, years: ClosedRange<Int>
    ) -> [String] {
        var misfits: [String] = []
        if !markets.contains(instrument.market) { misfits.append("no energy is drawn in market \(instrument.market)") }
        if let year = instrument.vintageYear, !years.contains(year) {
            misfits.append("vintage \(year) is not of the period")
        }
        return misfits
    }

    private static func hasSoundVolume(_ instrument: Instrument) -> Bool {
        // 10^24 µJ is 278 TWh: beyond any one certificate, and far from the ends of 128 bits.
        let sound: ClosedRange<Int128> = 0...Int128(powerOfTen(24))
        switch instrument.volume {
        case .span(let energy): return sound.contains(energy)
        case .hourly(let hours):
            return hours.allSatisfy { instrument.vintage.contains(UTCTime(hour: $0)) && sound.contains($1) }
        }
    }
}

/// What energy without an instrument counts with in the market-based method.
package enum ResidualMix: Sendable {
    /// The market's residual mix, zones being market names.
    case factors(FactorSet)
    /// None is published: the grid's mean takes its place, and the report says so.
    case absent(reason: String)
}
