extension FactorFile {
    /// Yearly national lifecycle factors for 2024 of countries where most training is done, so that an installation
    /// shows emissions before a better table is imported.
    ///
    /// Ember, processed by Our World in Data, CC BY 4.0; digit for digit what Carbontracker carries of it
    /// (`carbontracker/data/carbon-intensities.csv` at 70e5a02, November 2025). Lifecycle, not direct: reports say so,
    /// and an organization that discloses Scope 2 imports direct factors.
    ///
    /// - Parameter sha256: lower-case hex SHA-256 of `defaultTableText`, which the caller computes: this module hashes
    ///   nothing.
    package static func defaults(sha256: String) throws(EmissionsError) -> FactorFile {
        try FactorFile(
            ownTable: Array(defaultTableText.utf8),
            source: FactorSource(
                provider: "Ember; Our World in Data", dataset: "Carbon intensity of electricity, yearly",
                version: "2024",
                licence: "CC BY 4.0", citation: "https://ourworldindata.org/grapher/carbon-intensity-electricity",
                fileSHA256: sha256),
            basis: FactorBasis(scope: .lifecycle))
    }

    /// The table's bytes: what a report cites by hash and an evidence bundle carries.
    package static let defaultTableText = """
        zone,period,g_per_kwh
        AT,2024,102.62287
        AU,2024,551.58984
        BE,2024,117.57641
        BG,2024,264.20685
        BR,2024,103.212296
        CA,2024,174.81425
        CH,2024,36.599316
        CL,2024,265.51648
        CN,2024,559.5517
        CY,2024,512.2378
        CZ,2024,413.85922
        DE,2024,344.13992
        DK,2024,143.30042
        EE,2024,341.0214
        ES,2024,146.15356
        FI,2024,72.2488
        FR,2024,44.179085
        GB,2024,210.89114
        GR,2024,319.76236
        HR,2024,174.47917
        HU,2024,182.81822
        IE,2024,279.70218
        IN,2024,708.3216
        IT,2024,287.5335
        JP,2024,482.32416
        KR,2024,414.2726
        LT,2024,139.34425
        LU,2024,134.61539
        LV,2024,136.22292
        MT,2024,484.1629
        MX,2024,484.83173
        MY,2024,604.4294
        NL,2024,253.31152
        NO,2024,30.745583
        NZ,2024,120.10797
        PL,2024,614.98236
        PT,2024,112.28676
        QA,2024,602.8308
        RO,2024,245.55428
        SE,2024,35.823833
        SG,2024,498.74182
        SI,2024,227.64705
        SK,2024,96.488235
        TH,2024,554.4976
        TW,2024,635.65106
        US,2024,383.5492
        ZA,2024,708.8762

        """
}
