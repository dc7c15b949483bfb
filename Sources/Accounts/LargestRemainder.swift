import Energy

/// Splits an amount by weights into integers that sum to it exactly.
///
/// Each account gets the whole part of |amount| · weight / Σ weights; what is left goes one by one to the largest
/// remainders, ties by the account's key bytes. The sign is restored at the end, so a split of −E mirrors the split of
/// E.
///
/// Accounts are meant by their places in a list of the caller's: a batch is split some ten times among the same few,
/// and an account's name need not be touched for it.
struct LargestRemainder: Sendable {
    struct Share: Sendable {
        var place: Int
        var amount: Int128
        fileprivate var remainder: Int128

        init(place: Int, amount: Int128, remainder: Int128 = 0) {
            self.place = place
            self.amount = amount
            self.remainder = remainder
        }
    }

    private var weights: [(place: Int, weight: Int128)] = []
    private var totalWeight: Int128 = 0

    init() {}

    /// Takes all weight away, and keeps the memory.
    mutating func removeAll() {
        weights.removeAll(keepingCapacity: true)
        totalWeight = 0
    }

    /// Adds weight to an account. Weights below zero count as zero.
    mutating func add(_ place: Int, _ weight: Int128) {
        guard weight > 0 else { return }
        totalWeight += weight
        for index in weights.indices where weights[index].place == place {
            weights[index].weight += weight
            return
        }
        weights.append((place, weight))
    }

    var isEmpty: Bool { weights.isEmpty }

    /// Appends the shares in the order in which accounts got weight.
    ///
    /// - Parameters:
    ///   - accounts: the caller's list.
    ///   - shares: what is there already stays.
    /// - Returns: false when nobody has weight; nothing was appended then.
    func split(_ amount: Int128, among accounts: [Account], into shares: inout [Share]) -> Bool {
        guard let first = weights.first else { return false }
        if weights.count == 1 {
            shares.append(Share(place: first.place, amount: amount))
            return true
        }
        let magnitude = amount < 0 ? -amount : amount
        let start = shares.count
        var left = magnitude
        for index in weights.indices {
            let (whole, remainder) = Self.quotientAndRemainder(magnitude, weights[index].weight, by: totalWeight)
            shares.append(Share(place: weights[index].place, amount: whole, remainder: remainder))
            left -= whole
        }
        // What is left is less than one for each account.
        while left > 0, let next = Self.largest(shares, from: start, accounts) {
            shares[next].amount += 1
            shares[next].remainder = -1
            left -= 1
        }
        if amount < 0 { for index in start..<shares.count { shares[index].amount = -shares[index].amount } }
        return true
    }

    /// The largest remainder that is not taken yet, ties by the account's key bytes.
    private static func largest(_ shares: [Share], from start: Int, _ accounts: [Account]) -> Int? {
        var found: Int?
        for index in start..<shares.count where shares[index].remainder >= 0 {
            guard let best = found else {
                found = index
                continue
            }
            if shares[index].remainder > shares[best].remainder
                || shares[index].remainder == shares[best].remainder
                    && accounts[shares[index].place].key < accounts[shares[best].place].key
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
