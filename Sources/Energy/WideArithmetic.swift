/// Division that rounds towards minus infinity, so that a signed integral cut at any instant rounds the same way on
/// both sides of zero and the parts of a cut add up to the whole.
///
/// - Precondition: `divisor > 0`.
@inlinable
package func floorDivide<I: FixedWidthInteger & SignedInteger>(_ dividend: I, by divisor: I) -> I {
    precondition(divisor > 0)
    let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
}

/// ⌊a · b / c⌋ with a 256-bit product, or nil when the quotient leaves 128 bits.
///
/// - Precondition: `c > 0`.
package func floorMultiplyDivide(_ a: Int128, _ b: Int128, by c: Int128) -> Int128? {
    precondition(c > 0)
    let divisor = UInt128(c)
    let product = a.magnitude.multipliedFullWidth(by: b.magnitude)
    guard product.high < divisor else { return nil }
    let (quotient, remainder) = divisor.dividingFullWidth(product)
    if (a < 0) == (b < 0) || a == 0 || b == 0 { return Int128(exactly: quotient) }
    guard let magnitude = Int128(exactly: quotient) else { return nil }
    return remainder == 0 ? -magnitude : -magnitude - 1
}
