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
        // By index: a loop over elements would copy each account.
        for index in weights.indices where weights[index].account == account {
            weights[index].weight += weight
            return
        }
        weights.append((account, weight))
    }

    package var isEmpty: Bool { weights.isEmpty }
    package var totalWeight: Int128 {
        var total: Int128 = 0
        for index in weights.indices { total += weights[index].weight }
        return total
    }

    /// The shares in the order of the accounts, or nil when nobody has weight.
    package func split(_ amount: Int128) -> [(account: Account, amount: Int128)]? {
        guard let first = weights.first else { return nil }
        if weights.count == 1 { return [(first.account, amount)] }
        let total = totalWeight
        let magnitude = amount < 0 ? -amount : amount
        var shares: [(account: Account, amount: Int128)] = []
        shares.reserveCapacity(weights.count)
        var remainders: [Int128] = []
        remainders.reserveCapacity(weights.count)
        var left = magnitude
        for index in weights.indices {
            let (whole, remainder) = Self.quotientAndRemainder(magnitude, weights[index].weight, by: total)
            shares.append((weights[index].account, whole))
            remainders.append(remainder)
            left -= whole
        }
        // What is left is less than one for each account.
        while left > 0, let next = largest(remainders) {
            shares[next].amount += 1
            remainders[next] = -1
            left -= 1
        }
        if amount < 0 { for index in shares.indices { shares[index].amount = -shares[index].amount } }
        return shares
    }

    /// The largest remainder that is not taken yet, ties by the account's key bytes.
    private func largest(_ remainders: [Int128]) -> Int? {
        var found: Int?
        for index in remainders.indices where remainders[index] >= 0 {
            guard let best = found else {
                found = index
                continue
            }
            if remainders[index] > remainders[best]
                || remainders[index] == remainders[best] && weights[index].account.key < weights[best].account.key
            {
                found = index
            }
        }
        return found
    }

    /// ⌊a · b / c⌋ and the remainder, with a 256-bit product.
    private static func quotientAndRemainder(_ a: Int128, _ b: Int128, by c: Int128) -> (Int128, Int128) {
        if let a = UInt64(exactly: a), let b = UInt64(exactly: b), let c = UInt64(exactly: c) {
            let product = a.multipliedFullWidth(by: b)
            // b ≤ c, so the quotient is at most a; a high part of c or more can only be with b = c.
            if product.high < c {
                let (quotient, remainder) = c.dividingFullWidth(product)
                return (Int128(quotient), Int128(remainder))
            }
        }
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
