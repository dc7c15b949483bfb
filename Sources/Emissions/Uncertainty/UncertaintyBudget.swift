#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Relative uncertainty of a product of independent quantities (GUM, JCGM 100:2008, 5.1.6), reported expanded by k = 2.
///
/// This is statistics: the only kind of figure here that is floating point.
package struct UncertaintyBudget: Sendable, Hashable {
    package struct Component: Sendable, Hashable {
        package let name: String
        /// One standard uncertainty over the value.
        package let relativeStandard: Double

        /// - Parameter relativeStandard: at least zero and finite; anything else counts as 1, the whole value unknown.
        package init(_ name: String, relativeStandard: Double) {
            self.name = name
            self.relativeStandard = relativeStandard >= 0 && relativeStandard.isFinite ? relativeStandard : 1
        }

        /// From a limit of error with no known shape between its ends, such as a meter's accuracy class: limit / √3.
        package init(_ name: String, relativeLimit: Double) {
            self.init(name, relativeStandard: relativeLimit / 3.0.squareRoot())
        }
    }

    package let components: [Component]

    package init(_ components: [Component]) { self.components = components }

    package var relativeStandard: Double {
        components.reduce(0) { $0 + $1.relativeStandard * $1.relativeStandard }.squareRoot()
    }

    package var relativeExpanded: Double { 2 * relativeStandard }

    /// Relative uncertainty of a sum of independent parts: √Σ(value·u)² / Σ value. Zero for an empty sum.
    package static func ofSum(_ parts: [(microjoules: Int128, relativeStandard: Double)]) -> Double {
        let total = parts.reduce(0) { $0 + Double($1.microjoules) }
        guard total != 0 else { return 0 }
        let square = parts.reduce(0) { sum, part in
            let absolute = Double(part.microjoules) * part.relativeStandard
            return sum + absolute * absolute
        }
        return square.squareRoot() / abs(total)
    }

    /// How many significant figures a value bears: its last figure stands where the second of the uncertainty does.
    ///
    /// - Parameter relativeExpanded: k = 2. Zero, which no measurement has, gives 15.
    package static func significantFigures(value: ExactRatio, relativeExpanded: Double) -> Int {
        guard relativeExpanded > 0, relativeExpanded.isFinite, value != .zero else { return 15 }
        let uncertainty = abs(value.double) * relativeExpanded
        let last = decimalExponent(of: uncertainty) - 1
        return min(15, max(1, value.decimalExponent - last + 1))
    }

    private static func decimalExponent(of value: Double) -> Int {
        var exponent = 0
        var value = value
        guard value > 0, value.isFinite else { return 0 }
        while value >= 10, exponent < 400 { (value, exponent) = (value / 10, exponent + 1) }
        while value < 1, exponent > -400 { (value, exponent) = (value * 10, exponent - 1) }
        return exponent
    }
}
