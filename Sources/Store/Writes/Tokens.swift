/// What a token allows; the token itself is nowhere, only its hash.
package struct TokenRecord: Sendable, Equatable {
    package var log: Int32
    package var sha256: [UInt8]
    /// The caller's number: bearer, join.
    package var kind: Int16
    package var name: String
    /// `nil`: as often as wanted.
    package var usesLeft: Int32?
    /// `nil`: never.
    package var expires: Timestamp?

    package init(
        log: Int32, sha256: [UInt8], kind: Int16, name: String = "", usesLeft: Int32? = nil,
        expires: Timestamp? = nil
    ) {
        self.log = log
        self.sha256 = sha256
        self.kind = kind
        self.name = name
        self.usesLeft = usesLeft
        self.expires = expires
    }

    fileprivate static let columns = "SELECT log, token_sha256, kind, name, uses_left, expires FROM tokens"

    fileprivate static func decode(_ row: Row) throws(StoreError) -> TokenRecord {
        TokenRecord(
            log: try row.get(0), sha256: try row.get(1), kind: try row.get(2), name: try row.get(3),
            usesLeft: try row.optional(4), expires: try row.optional(5))
    }
}

extension Connection {
    /// Whose token it is. As the intake role, which alone sees the tokens of every log.
    ///
    /// Looked up by the hash of what was shown: the time that the comparison takes tells nothing of use.
    package func token(sha256: [UInt8]) throws(StoreError) -> TokenRecord? {
        try query("\(TokenRecord.columns) WHERE token_sha256 = $1", [.bytea(sha256)]).first(TokenRecord.decode)
    }
}

extension LogTransaction {
    package func add(_ token: TokenRecord) throws(StoreError) {
        try query(
            """
            INSERT INTO tokens (log, token_sha256, kind, name, uses_left, expires) VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .bytea(token.sha256), .int2(token.kind), .text(token.name), .int4(token.usesLeft),
                .timestamp(token.expires?.microseconds),
            ])
    }

    /// Uses a token once. Of two that use the last use at the same time, one is refused.
    ///
    /// - Returns: whether it could be used: it exists, has not expired, has uses left.
    package func use(token sha256: [UInt8], kind: Int16, now: Timestamp) throws(StoreError) -> Bool {
        try query(
            """
            UPDATE tokens SET uses_left = uses_left - 1
            WHERE log = $1 AND token_sha256 = $2 AND kind = $3
                AND (uses_left IS NULL OR uses_left > 0) AND (expires IS NULL OR expires > $4)
            """, [.bytea(sha256), .int2(kind), .timestamp(now.microseconds)]
        ).affected == 1
    }

    /// - Returns: whether there was such a token.
    package func revoke(token sha256: [UInt8]) throws(StoreError) -> Bool {
        try query("DELETE FROM tokens WHERE log = $1 AND token_sha256 = $2", [.bytea(sha256)]).affected == 1
    }

    /// The log's tokens, the oldest first.
    package func tokens() throws(StoreError) -> [TokenRecord] {
        try query("\(TokenRecord.columns) WHERE log = $1 ORDER BY created, token_sha256").map(TokenRecord.decode)
    }
}
