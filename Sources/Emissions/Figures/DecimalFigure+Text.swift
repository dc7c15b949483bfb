extension DecimalFigure {
    /// Parses `-12.50`, `449.06`, `3.14e23`, `6E-3`: digits with at most one point between digits and an optional
    /// exponent.
    ///
    /// - Throws: `malformedFigure`, or `overflow` when the value needs more than 37 digits or 30 decimals.
    package init(parsing text: some StringProtocol) throws(EmissionsError) {
        let malformed = EmissionsError(
            .malformedFigure, "'\(text.prefix(40))' is not a decimal number: write it like 449.06")
        var digits: Int128 = 0
        var decimals = 0
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        var lastWasDigit = false
        var hasPoint = false
        while let byte = rest.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            rest.removeFirst()
            if byte == UInt8(ascii: ".") {
                guard lastWasDigit, !hasPoint else { throw malformed }
                hasPoint = true
                lastWasDigit = false
                continue
            }
            guard let digit = decimalDigit(byte) else { throw malformed }
            guard digits < Int128(powerOfTen(36)) else { throw .overflow }
            digits = digits * 10 + Int128(digit)
            if hasPoint { decimals += 1 }
            lastWasDigit = true
        }
        guard lastWasDigit else { throw malformed }
        if !rest.isEmpty {
            guard let exponent = Self.exponent(rest.dropFirst()) else { throw malformed }
            decimals -= exponent
        }
        try self.init(digits: isNegative ? -digits : digits, decimals: decimals)
    }

    private init(digits: Int128, decimals: Int) throws(EmissionsError) {
        var digits = digits
        var decimals = decimals
        while decimals > 0, digits % 10 == 0, digits != 0 {
            digits /= 10
            decimals -= 1
        }
        if digits == 0 { decimals = 0 }
        guard decimals <= Self.maximumScale, decimals >= -37 else { throw .overflow }
        if decimals >= 0 {
            self.init(coefficient: digits, scale: decimals)
            return
        }
        let (product, overflow) = digits.multipliedReportingOverflow(by: Int128(powerOfTen(-decimals)))
        guard !overflow else { throw .overflow }
        self.init(coefficient: product, scale: 0)
    }

    private static func exponent(_ bytes: some Collection<UInt8>) -> Int? {
        var bytes = bytes[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        guard !bytes.isEmpty, bytes.count <= 3 else { return nil }
        var value = 0
        for byte in bytes {
            guard let digit = decimalDigit(byte) else { return nil }
            value = value * 10 + digit
        }
        return isNegative ? -value : value
    }

    /// The exact value without trailing zeros: `449.06`, `314000000000000000000000`.
    package var text: String { Self.text(units: coefficient, decimals: scale) }

    /// Exactly so many decimals, rounded half to even where there are more.
    package func text(decimals: Int) throws(EmissionsError) -> String { try ratio.text(decimals: decimals) }

    /// So many significant figures, rounded half to even; the rest of an integer is filled with zeros.
    package func text(significant: Int) throws(EmissionsError) -> String { try ratio.text(significant: significant) }

    /// `units` / 10^`decimals` with exactly that many decimals.
    static func text(units: Int128, decimals: Int) -> String {
        let digits = String(units.magnitude)
        let sign = units < 0 ? "-" : ""
        guard decimals > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }
}

func decimalDigit(_ byte: UInt8) -> Int? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
}
