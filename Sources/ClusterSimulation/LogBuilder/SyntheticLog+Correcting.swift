package import Batches
package import TransparencyLog

extension SyntheticLog {
    /// A correction as the operator signs it.
    @discardableResult
    package mutating func correct(
        _ moves: [CorrectEntry.Move], reason: String = "the claim came late", by key: SigningKey? = nil
    ) throws -> UInt64 {
        let entry = CorrectEntry(
            log: origin, time: now, by: "alice", reason: reason, refersTo: nil, moves: moves, salt: salt())
        return try append(.correct(entry), by: key ?? administration)
    }
}
