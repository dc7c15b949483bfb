/// The sample blocks of an entry bundle: for each entry a big-endian 32-bit length and so many bytes, none for an entry
/// without a block.
package enum SampleBundle {
    package static func encode(_ blocks: [[UInt8]?]) -> [UInt8] {
        var bytes: [UInt8] = []
        for block in blocks {
            let count = UInt32(block?.count ?? 0)
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
            bytes += block ?? []
        }
        return bytes
    }

    /// - Returns: nil when the bytes do not hold exactly so many blocks.
    package static func decode(_ bytes: [UInt8], count: Int) -> [[UInt8]?]? {
        var blocks: [[UInt8]?] = []
        var position = 0
        for _ in 0..<count {
            guard bytes.count - position >= 4 else { return nil }
            let length = bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
            position += 4
            guard length <= bytes.count - position else { return nil }
            blocks.append(length == 0 ? nil : Array(bytes[position..<(position + length)]))
            position += length
        }
        return position == bytes.count ? blocks : nil
    }
}
