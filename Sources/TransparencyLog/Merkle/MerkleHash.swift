internal import Crypto

/// A SHA-256 value: a leaf, an inner node or the root of a Merkle tree (RFC 6962 section 2.1), or a plain digest.
///
/// Four words in memory order, so that values neither allocate nor need a reference count.
package struct MerkleHash: Sendable, Hashable {
    package static let byteCount = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// - Returns: nil unless `bytes` are exactly 32.
    package init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self = bytes.withUnsafeBytes { MerkleHash(loading: $0) }
    }

    package init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

    package init?(base64 text: ArraySlice<UInt8>) {
        let hash: MerkleHash? = withUnsafeTemporaryAllocation(byteCount: 48, alignment: 8) { block in
            // 44 characters stand for 31 to 33 bytes.
            guard text.count == 44, Base64.decode(text, into: block) == Self.byteCount else { return nil }
            return MerkleHash(loading: UnsafeRawBufferPointer(rebasing: block[..<Self.byteCount]))
        }
        guard let hash else { return nil }
        self = hash
    }

    package init?(base64 text: String) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.init(bytes)
    }

    package init?(hexadecimal text: String) {
        guard let bytes = Hexadecimal.decode(text) else { return nil }
        self.init(bytes)
    }

    /// - Precondition: `bytes` has 32 bytes; only this module calls it, with memory that it sized.
    init(loading bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount)
        words = bytes.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
    }

    package static func == (left: MerkleHash, right: MerkleHash) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }

    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Swift.withUnsafeBytes(of: words, body)
    }

    package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
    package var base64: String { Base64.encode(bytes) }
    package var hexadecimal: String { Hexadecimal.encode(bytes) }

    package func append(to bytes: inout [UInt8]) {
        withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    func appendBase64(to text: inout [UInt8]) {
        withUnsafeBytes { Base64.append($0, to: &text) }
    }
}

extension MerkleHash: CustomStringConvertible {
    package var description: String { base64 }
}

extension MerkleHash {
    /// The root of the tree without leaves: SHA-256 of nothing.
    package static let emptyTree = sha256(of: [])

    /// The hash of an entry as a leaf: SHA-256(0x00 || entry).
    package static func leaf(of entry: ArraySlice<UInt8>) -> MerkleHash {
        var hasher = SHA256()
        Swift.withUnsafeBytes(of: UInt8(0x00)) { hasher.update(bufferPointer: $0) }
        entry.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        return MerkleHash(hasher.finalize())
    }

    package static func leaf(of entry: [UInt8]) -> MerkleHash { leaf(of: entry[...]) }

    /// The hash of two subtrees: SHA-256(0x01 || left || right).
    package static func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        withUnsafeTemporaryAllocation(byteCount: 1 + 2 * byteCount, alignment: 8) { block in
            block[0] = 0x01
            left.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: block[1..<33]).copyMemory(from: $0) }
            right.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: block[33...]).copyMemory(from: $0) }
            var hasher = SHA256()
            hasher.update(bufferPointer: UnsafeRawBufferPointer(block))
            return MerkleHash(hasher.finalize())
        }
    }

    /// SHA-256 without a prefix, for digests that are no part of a tree.
    package static func sha256(of bytes: ArraySlice<UInt8>) -> MerkleHash {
        var hasher = SHA256()
        bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        return MerkleHash(hasher.finalize())
    }

    package static func sha256(of bytes: [UInt8]) -> MerkleHash { sha256(of: bytes[...]) }

    private init(_ digest: SHA256.Digest) {
        self = digest.withUnsafeBytes { MerkleHash(loading: $0) }
    }
}

extension MerkleHash: Codable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let hash = MerkleHash(try container.decode([UInt8].self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a hash has 32 bytes")
        }
        self = hash
    }
}
