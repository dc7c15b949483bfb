/// A fraction of two 128-bit integers in lowest terms: sums, products and quotients of decimals without any rounding.
///
/// Operators throw `overflow` when the exact result leaves 128 bits and never round.
package struct ExactRatio: Sendable, Hashable, Comparable {
    package let numerator: Int128
    /// Above zero.
    package let denominator: Int128

    package static let zero = ExactRatio(reducing: 0, 1)
    package static let one = ExactRatio(reducing: 1, 1)

    package init(_ value: some FixedWidthInteger) throws(EmissionsError) {
        guard let value = Int128(exactly: value) else { throw .overflow }
        self.init(reducing: value, 1)
    }

    package init(_ numerator: Int128, over denominator: Int128) throws(EmissionsError) {
        guard denominator != 0 else { throw EmissionsError(.dividedByZero, "a figure is divided by zero") }
        guard denominator != .min, numerator != .min else { throw .overflow }
        self.init(reducing: denominator < 0 ? -numerator : numerator, Int128(denominator.magnitude))
    }

    /// - Precondition: the denominator is above zero and the numerator is not the least integer.
    init(reducing numerator: Int128, _ denominator: Int128) {
        precondition(denominator > 0 && numerator != .min)
        let divisor = greatestCommonDivisor(numerator.magnitude, denominator.magnitude)
        let common = Int128(divisor)
        self.numerator = numerator / common
        self.denominator = denominator / common
    }

    /// For statistics and charts only.
    package var double: Double { Double(numerator) / Double(denominator) }

    package static func + (left: ExactRatio, right: ExactRatio) throws(EmissionsError) -> ExactRatio {
        // Over the least common denominator, so that sums of equal units never overflow early.
        let common = Int128(greatestCommonDivisor(left.denominator.magnitude, right.denominator.magnitude))
        let a = try product(left.numerator, right.denominator / common)
        let b = try product(right.numerator, left.denominator / common)
        let (sum, overflow) = a.addingReportingOverflow(b)
        guard !overflow, sum != .min else { throw .overflow }
        return ExactRatio(reducing: sum, try product(left.denominator, right.denominator / common))
    }

    package static func - (left: ExactRatio, right: ExactRatio) throws(EmissionsError) -> ExactRatio {
        try left + ExactRatio(reducing: -right.numerator, right.denominator)
    }

    package static func * (left: ExactRatio, right: ExactRatio) throws(EmissionsError) -> ExactRatio {
        let a = ExactRatio(reducing: left.numerator, right.denominator)
        let b = ExactRatio(reducing: right.numerator, left.denominator)
        return ExactRatio(
            reducing: try product(a.numerator, b.numerator), try product(a.denominator, b.denominator))
    }

    package static func / (left: ExactRatio, right: ExactRatio) throws(EmissionsError) -> ExactRatio {
        try left * ExactRatio(right.denominator, over: right.numerator)
    }

    package static func * (left: ExactRatio, right: DecimalFigure) throws(EmissionsError) -> ExactRatio {
        try left * right.ratio
    }

    package static func / (left: ExactRatio, right: DecimalFigure) throws(EmissionsError) -> ExactRatio {
        try left / right.ratio
    }

    package static func < (left: ExactRatio, right: ExactRatio) -> Bool {
        if (left.numerator < 0) != (right.numerator < 0) { return left.numerator < 0 }
        let a = left.numerator.magnitude.multipliedFullWidth(by: right.denominator.magnitude)
        let b = right.numerator.magnitude.multipliedFullWidth(by: left.denominator.magnitude)
        let isSmaller = (a.high, a.low) < (b.high, b.low)
        return left.numerator < 0 ? (b.high, b.low) < (a.high, a.low) : isSmaller
    }

    private static func product(_ a: Int128, _ b: Int128) throws(EmissionsError) -> Int128 {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        guard !overflow, product != .min else { throw .overflow }
        return product
    }
}

/// The greatest common divisor by Euclid; the other number when one is zero.
///
/// - Precondition: not both are zero.
func greatestCommonDivisor(_ a: UInt128, _ b: UInt128) -> UInt128 {
    var (larger, smaller) = (max(a, b), min(a, b))
    while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
    return larger
}
