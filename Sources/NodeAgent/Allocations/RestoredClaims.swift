/// Claims over the socket that an earlier run of the agent took. Their connections are gone; they last as long as the
/// processes that made them. No I/O.
struct RestoredClaims: Sendable {
    private var claims: [UInt64: AllocationBook.Claim] = [:]
    private var next: UInt64 = 1 << 61

    /// - Returns: the number of the claim.
    mutating func add(_ claim: AllocationBook.Claim) -> UInt64 {
        next += 1
        claims[next] = claim
        return next
    }

    /// Takes those whose processes are over.
    mutating func takeGone(_ isThere: (ProcessTree.Root) -> Bool) -> [UInt64] {
        let gone = claims.filter { !isThere($0.value.holder) || !isThere($0.value.root) }.keys.sorted()
        for number in gone { claims[number] = nil }
        return gone
    }

    /// Takes those that the same process makes anew, over a connection of this run.
    mutating func takeReplaced(by claim: AllocationBook.Claim) -> [UInt64] {
        let replaced = claims.filter { $0.value.holder == claim.holder && $0.value.root == claim.root }.keys.sorted()
        for number in replaced { claims[number] = nil }
        return replaced
    }
}
