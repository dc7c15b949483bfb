/// At most 63 lines of one base64 hash each, and the empty line behind them: how proofs are written as text.
enum HashLines {
    /// Reads up to and including the empty line.
    static func read(
        _ lines: inout LineReader, code: TransparencyLogError.Code
    ) throws(TransparencyLogError) -> [MerkleHash] {
        var hashes: [MerkleHash] = []
        while let line = lines.next() {
            if line.isEmpty { return hashes }
            guard hashes.count < ConsistencyProof.maximumPathCount else {
                throw TransparencyLogError(code, "line \(lines.lineNumber): more than 63 hashes")
            }
            guard let hash = MerkleHash(base64: line) else {
                throw TransparencyLogError(code, "line \(lines.lineNumber): \(Quoted(line)) is not base64 of 32 bytes")
            }
            hashes.append(hash)
        }
        throw TransparencyLogError(code, "no empty line follows line \(lines.lineNumber)")
    }

    static func append(_ hashes: [MerkleHash], to bytes: inout [UInt8]) {
        for hash in hashes {
            hash.appendBase64(to: &bytes)
            bytes.append(newline)
        }
        bytes.append(newline)
    }
}
