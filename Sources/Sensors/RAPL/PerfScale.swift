/// What one count of a perf energy event is, as an exact fraction of a microjoule.
///
/// The kernel writes it in joules as a decimal, `2.3283064365386962890625e-10` for 2^-32 (arch/x86/events/rapl.c).
package struct PerfScale: Sendable, Hashable {
    package var numerator: Int64
    package var denominator: Int64

    /// The largest term that an energy counter takes.
    private static let bound: Int128 = 1_000_000_000

    /// - Returns: nil when the text is no positive number or no fraction with small terms comes near it.
    package init?(_ text: some StringProtocol) {
        let parts = text.lowercased().split(separator: "e", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let exponent = parts.count == 2 ? Int(parts[1]) : 0,
            (-30...6).contains(exponent)
        else { return nil }
        let digits = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(digits.count) else { return nil }
        let fraction = digits.count == 2 ? digits[1].prefix(22) : ""
        guard let mantissa = Int128(String(digits[0]) + fraction), mantissa > 0, mantissa < 1 << 90 else { return nil }
        // Joules to microjoules.
        let shift = exponent - fraction.utf8.count + 6
        var top = mantissa
        var bottom: Int128 = 1
        for _ in 0..<abs(shift) {
            let (value, overflow) = (shift > 0 ? top : bottom).multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            if shift > 0 { top = value } else { bottom = value }
        }
        guard let (numerator, denominator) = Self.fraction(top, bottom) else { return nil }
        self.numerator = numerator
        self.denominator = denominator
    }

    /// The last convergent of the continued fraction whose terms stay within the bound; exact where the fraction is
    /// small.
    private static func fraction(_ top: Int128, _ bottom: Int128) -> (Int64, Int64)? {
        var (a, b) = (top, bottom)
        var (n0, n1, d0, d1): (Int128, Int128, Int128, Int128) = (0, 1, 1, 0)
        while b != 0 {
            let quotient = a / b
            (a, b) = (b, a % b)
            guard quotient <= bound else { break }
            let n2 = quotient * n1 + n0
            let d2 = quotient * d1 + d0
            if n2 > bound || d2 > bound { break }
            (n0, n1, d0, d1) = (n1, n2, d1, d2)
        }
        guard (1...bound).contains(n1), (1...bound).contains(d1) else { return nil }
        return (Int64(n1), Int64(d1))
    }
}

/// The processors of a cpumask file: `0,64` or `0-3,8` (Documentation/admin-guide/cputopology.rst).
enum CPUList {
    static func parse(_ text: String) -> [Int] {
        var processors: [Int] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
            guard (1...2).contains(ends.count), let first = ends.first.flatMap({ $0 }),
                let last = ends.last.flatMap({ $0 }),
                first <= last, processors.count + Int(last - first) < 4096
            else { return [] }
            processors += (Int(first)...Int(last))
        }
        return processors
    }

    /// The number in `event=0x02`.
    static func event(_ text: String) -> UInt64? {
        let parts = text.split(separator: "=")
        guard parts.count == 2, parts[0] == "event", parts[1].hasPrefix("0x") else { return nil }
        return UInt64(parts[1].dropFirst(2), radix: 16)
    }
}
