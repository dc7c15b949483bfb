/// An exact decimal number: a 128-bit coefficient and a power of ten.
///
/// Inputs of every formula are decimals as they were published; they meet in `ExactRatio`, and only the printed figure
/// is rounded, once, half to even.
package struct DecimalFigure: Sendable, Hashable, Comparable {
    /// The value times 10^`scale`.
    package let coefficient: Int128
    /// 0 to 30; the smallest that holds the value.
    package let scale: Int

    package static let maximumScale = 30

    package init(_ value: some FixedWidthInteger) {
        coefficient = Int128(clamping: value)
        scale = 0
    }

    /// `coefficient` / 10^`scale`, brought to its smallest scale.
    ///
    /// - Precondition: scale is 0 to 30, the coefficient is not the least integer.
    package init(coefficient: Int128, scale: Int) {
        precondition((0...Self.maximumScale).contains(scale) && coefficient != .min)
        var coefficient = coefficient
        var scale = scale
        while scale > 0, coefficient % 10 == 0 {
            coefficient /= 10
            scale -= 1
        }
        self.coefficient = coefficient
        self.scale = scale
    }

    package static let zero = DecimalFigure(0)
    package static let one = DecimalFigure(1)

    /// The value as a fraction.
    package var ratio: ExactRatio { ExactRatio(reducing: coefficient, Int128(powerOfTen(scale))) }

    /// For statistics only.
    package var double: Double { ratio.double }

    package static func < (left: DecimalFigure, right: DecimalFigure) -> Bool { left.ratio < right.ratio }

    /// The exact product.
    ///
    /// - Throws: `overflow` when it has more than 30 decimals or leaves 128 bits.
    package func multiplied(by other: DecimalFigure) throws(EmissionsError) -> DecimalFigure {
        let (product, overflow) = coefficient.multipliedReportingOverflow(by: other.coefficient)
        guard !overflow, product != .min else { throw .overflow }
        var digits = product
        var decimals = scale + other.scale
        while decimals > Self.maximumScale, digits % 10 == 0 { (digits, decimals) = (digits / 10, decimals - 1) }
        guard decimals <= Self.maximumScale else { throw .overflow }
        return DecimalFigure(coefficient: digits, scale: decimals)
    }

    /// The quotient, rounded once, half to even.
    package func divided(by other: DecimalFigure, decimals: Int) throws(EmissionsError) -> DecimalFigure {
        try (ratio / other.ratio).rounded(decimals: decimals)
    }

    /// The whole number of units of 10^-`decimals`, nil when the value has more decimals than that or leaves 64 bits.
    package func exactUnits(decimals: Int) -> Int64? {
        guard decimals >= scale else { return nil }
        let (units, overflow) = coefficient.multipliedReportingOverflow(by: Int128(powerOfTen(decimals - scale)))
        return overflow ? nil : Int64(exactly: units)
    }
}

/// 10^exponent.
///
/// - Precondition: exponent is 0 to 38.
func powerOfTen(_ exponent: Int) -> UInt128 {
    precondition((0...38).contains(exponent))
    var power: UInt128 = 1
    for _ in 0..<exponent { power *= 10 }
    return power
}
