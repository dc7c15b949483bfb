import Energy

/// Splits an amount by weights into integers that sum to it exactly.
///
/// Each account gets the whole part of |amount| · weight / Σ weights; what is left goes one by one to the largest
/// remainders, ties by the account's key bytes. The sign is restored at the end, so a split of −E mirrors the split of
/// E.
package struct LargestRemainder: Sendable {
    private var weights: [(account: Account, weight: Int128)] = []

    package init() {}

    /// Adds weight to an account. Weights below zero count as zero.
    package mutating func add(_ account: Account, _ weight: Int128) {
        guard weight > 0 else { return }
        if let index = weights.firstIndex(where: { $0.account == account }) {
            weights[index].weight += weight
        } else {
            weights.append((account, weight))
        }
    }

    package var isEmpty: Bool { weights.isEmpty }
    package var totalWeight: Int128 { weights.reduce(0) { $0 + $1.weight } }

    /// The shares, or nil when nobody has weight.
    package func split(_ amount: Int128) -> [(account: Account, amount: Int128)]? {
        guard let first = weights.first else { return nil }
        if weights.count == 1 { return [(first.account, amount)] }
        let total = totalWeight
        let magnitude = amount < 0 ? -amount : amount
        var shares: [(account: Account, amount: Int128, remainder: Int128)] = []
        shares.reserveCapacity(weights.count)
        var left = magnitude
        for (account, weight) in weights {
            let (whole, remainder) = Self.quotientAndRemainder(magnitude, weight, by: total)
            shares.append((account, whole, remainder))
            left -= whole
        }
        shares.sort { $0.remainder != $1.remainder ? $0.remainder > $1.remainder : $0.account.key < $1.account.key }
        for index in shares.indices where left > 0 {
            shares[index].amount += 1
            left -= 1
        }
        return shares.map { ($0.account, amount < 0 ? -$0.amount : $0.amount) }
    }

    /// ⌊a · b / c⌋ and the remainder, with a 256-bit product.
    private static func quotientAndRemainder(_ a: Int128, _ b: Int128, by c: Int128) -> (Int128, Int128) {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        if !overflow {
            let (quotient, remainder) = product.quotientAndRemainder(dividingBy: c)
            return (quotient, remainder)
        }
        // b ≤ c, so the quotient is at most a and fits.
        let wide = UInt128(c).dividingFullWidth(UInt128(a).multipliedFullWidth(by: UInt128(b)))
        return (Int128(wide.quotient), Int128(wide.remainder))
    }
}
