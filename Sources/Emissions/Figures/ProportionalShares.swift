import Energy

/// Splits an integer into shares proportional to weights that sum to it exactly: floors, then one unit each to the
/// largest remainders, ties to the earlier weight.
///
/// - Returns: one share a weight; all zero when the weights sum to zero.
func proportionalShares(of total: Int128, weights: [Int128]) throws(EmissionsError) -> [Int128] {
    var sum: Int128 = 0
    for weight in weights {
        let (next, overflow) = sum.addingReportingOverflow(weight)
        guard !overflow, weight >= 0 else { throw .overflow }
        sum = next
    }
    guard sum > 0 else { return weights.map { _ in 0 } }
    if weights.count == 1 { return [total] }
    var shares: [Int128] = []
    var left = total
    var remainders: [(index: Int, remainder: UInt128)] = []
    for (index, weight) in weights.enumerated() {
        guard let share = floorMultiplyDivide(total, weight, by: sum) else { throw .overflow }
        let product = total.magnitude.multipliedFullWidth(by: weight.magnitude)
        remainders.append((index, UInt128(sum).dividingFullWidth(product).remainder))
        shares.append(share)
        left -= share
    }
    let order = remainders.sorted { ($1.remainder, $0.index) < ($0.remainder, $1.index) }
    for (index, _) in order.prefix(Int(left)) { shares[index] += 1 }
    return shares
}

/// a · b / c with a 256-bit product, rounded half to even.
///
/// - Precondition: a, b ≥ 0, c > 0.
func halfEvenMultiplyDivide(_ a: Int128, _ b: Int128, by c: Int128) throws(EmissionsError) -> Int128 {
    precondition(a >= 0 && b >= 0 && c > 0)
    let product = a.magnitude.multipliedFullWidth(by: b.magnitude)
    guard product.high < c.magnitude else { throw .overflow }
    let (quotient, remainder) = c.magnitude.dividingFullWidth(product)
    let rest = c.magnitude - remainder
    let isUp = remainder > rest || (remainder == rest && quotient & 1 == 1)
    guard let whole = Int128(exactly: quotient), whole < .max else { throw .overflow }
    return isUp ? whole + 1 : whole
}
