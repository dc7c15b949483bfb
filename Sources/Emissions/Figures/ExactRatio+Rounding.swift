extension ExactRatio {
    /// The value in units of 10^-`decimals`, rounded once, half to even. Negative decimals round to tens, hundreds ….
    ///
    /// - Precondition: decimals is −38 to 30.
    func units(decimals: Int) throws(EmissionsError) -> Int128 {
        precondition((-38...DecimalFigure.maximumScale).contains(decimals))
        var divisor = denominator.magnitude
        if decimals < 0 {
            let (coarser, overflow) = divisor.multipliedReportingOverflow(by: powerOfTen(-decimals))
            // A unit beyond 128 bits is larger than twice any numerator: the value rounds to none of it.
            guard !overflow else { return 0 }
            divisor = coarser
        }
        let (whole, rest) = numerator.magnitude.quotientAndRemainder(dividingBy: divisor)
        let power = powerOfTen(max(0, decimals))
        // rest < divisor, so the quotient is below the power and the division cannot trap.
        let (fraction, remainder) = divisor.dividingFullWidth(rest.multipliedFullWidth(by: power))
        let (shifted, overflow) = whole.multipliedReportingOverflow(by: power)
        let (sum, carry) = shifted.addingReportingOverflow(fraction)
        let (magnitude, last) = sum.addingReportingOverflow(
            Self.roundsUp(remainder, of: divisor, isOdd: sum & 1 == 1) ? 1 : 0)
        guard !overflow, !carry, !last, let result = Int128(exactly: magnitude) else { throw .overflow }
        return numerator < 0 ? -result : result
    }

    private static func roundsUp(_ remainder: UInt128, of divisor: UInt128, isOdd: Bool) -> Bool {
        let rest = divisor - remainder
        return remainder > rest || (remainder == rest && isOdd)
    }

    /// Rounded once, half to even.
    ///
    /// - Precondition: decimals is 0 to 30.
    package func rounded(decimals: Int) throws(EmissionsError) -> DecimalFigure {
        DecimalFigure(coefficient: try units(decimals: decimals), scale: decimals)
    }

    /// Rounded once, half to even, and rendered with exactly so many decimals.
    ///
    /// - Precondition: decimals is 0 to 30.
    package func text(decimals: Int) throws(EmissionsError) -> String {
        DecimalFigure.text(units: try units(decimals: decimals), decimals: decimals)
    }

    /// Rounded once, half to even, to so many significant figures.
    ///
    /// - Precondition: significant is 1 to 20.
    package func rounded(significant: Int) throws(EmissionsError) -> DecimalFigure {
        let decimals = self.decimals(significant: significant)
        guard decimals < 0 else { return try rounded(decimals: decimals) }
        let unit = Int128(powerOfTen(-decimals))
        let (value, overflow) = try units(decimals: decimals).multipliedReportingOverflow(by: unit)
        guard !overflow else { throw .overflow }
        return DecimalFigure(value)
    }

    /// Rounded once, half to even, to so many significant figures: `0.30`, `1.4`, `190000`.
    ///
    /// - Precondition: significant is 1 to 20.
    package func text(significant: Int) throws(EmissionsError) -> String {
        let rounded = try rounded(significant: significant)
        // 9.96 to two figures is 10, not 10.0: the carry moves the place of the last figure.
        return try rounded.text(decimals: max(0, rounded.ratio.decimals(significant: significant)))
    }

    /// Decimals that leave so many significant figures; negative where the last figure stands before the units.
    ///
    /// - Precondition: significant is 1 to 20.
    func decimals(significant: Int) -> Int {
        precondition((1...20).contains(significant))
        let decimals = significant - 1 - decimalExponent
        return min(max(decimals, -38), DecimalFigure.maximumScale)
    }

    /// The power of ten of the first significant figure: 2 for 449.06, −2 for 0.012, 0 for zero.
    package var decimalExponent: Int {
        guard numerator != 0 else { return 0 }
        let (whole, rest) = numerator.magnitude.quotientAndRemainder(dividingBy: denominator.magnitude)
        guard whole == 0 else { return String(whole).utf8.count - 1 }
        var remainder = rest
        for exponent in 1...38 {
            let product = remainder.multipliedFullWidth(by: 10 as UInt128)
            let (digit, next) = denominator.magnitude.dividingFullWidth(product)
            if digit != 0 { return -exponent }
            remainder = next
        }
        return -38
    }
}
