/// A comparison for readers who have no feeling for kilowatt hours. Never part of an assured figure; each ages, so each
/// carries its year and source.
package struct Equivalence: Sendable, Hashable {
    package enum Quantity: String, Sendable, Hashable, CaseIterable {
        case carbonKilograms, energyKilowattHours
    }

    package let id: String
    /// What one unit is, in words.
    package let unit: String
    package let quantity: Quantity
    /// Kilograms of CO2e, or kWh, in one unit.
    package let perUnit: DecimalFigure
    package let year: Int
    package let source: String

    /// How many units the amount is.
    package func count(_ amount: ExactRatio) throws(EmissionsError) -> ExactRatio { try amount / perUnit }

    private static func carbon(
        _ id: String, _ unit: String, grams: Int128, scale: Int, _ year: Int, _ source: String
    ) -> Equivalence {
        Equivalence(
            id: id, unit: unit, quantity: .carbonKilograms,
            perUnit: DecimalFigure(coefficient: grams, scale: scale + 3), year: year, source: source)
    }

    private static func pounds(
        _ id: String, _ unit: String, _ pounds: Int128, _ year: Int, _ source: String
    ) -> Equivalence {
        // 1 lb = 0.45359237 kg exactly.
        Equivalence(
            id: id, unit: unit, quantity: .carbonKilograms,
            perUnit: DecimalFigure(coefficient: pounds * 45_359_237, scale: 8), year: year, source: source)
    }

    private static func cars(_ page: String) -> String {
        "European Environment Agency, mean of new passenger cars, www.eea.europa.eu/\(page)"
    }
    private static let strubell = "Strubell et al. 2019 (arXiv 1906.02243), table 1"

    package static let carKilometre2018 = carbon(
        "car-km-2018", "km by car", grams: 1204, scale: 1, 2018,
        cars("data-and-maps/indicators/average-co2-emissions-from-motor-vehicles/assessment-1"))
    package static let carKilometre2020 = carbon(
        "car-km-2020", "km by car", grams: 1075, scale: 1, 2020,
        cars("ims/co2-performance-of-new-passenger"))
    package static let carKilometre2024 = carbon(
        "car-km-2024", "km by car", grams: 1068, scale: 1, 2024,
        cars("en/newsroom/news/average-co2-emissions-from-new-cars-and-new-vans"))
    package static let carLifetime = pounds("car-lifetime", "lives of a US car, fuel included", 126_000, 2019, strubell)
    package static let transcontinentalFlight = pounds(
        "flight-ny-sf", "passengers flown New York to San Francisco and back", 1984, 2019, strubell)
    package static let personYear = pounds("person-year", "years of the mean human life", 11_023, 2019, strubell)
    package static let homeYear = Equivalence(
        id: "us-home-year", unit: "years of electricity of a US home", quantity: .energyKilowattHours,
        perUnit: DecimalFigure(10_715), year: 2020,
        source: "U.S. Energy Information Administration, mean residential customer, "
            + "www.eia.gov/tools/faqs/faq.php?id=97 (October 2021)")

    /// Every one; older years are for comparison with what was printed then.
    package static let all = current + [carKilometre2020, carKilometre2018]
    /// The newest of each kind, in the order in which a report shows them.
    package static let current = [carKilometre2024, carLifetime, transcontinentalFlight, personYear, homeYear]
}
