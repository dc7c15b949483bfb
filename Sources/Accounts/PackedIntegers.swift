/// Whole numbers one behind the other in as few bytes as they need: zigzag, then seven bits a byte, the lowest first.
package struct PackedIntegers: Sendable {
    package private(set) var bytes: [UInt8]

    package init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    package mutating func append(_ number: Int64) {
        append(unsigned: UInt64(bitPattern: (number &<< 1) ^ (number &>> 63)))
    }

    package mutating func append(unsigned number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    package mutating func append(_ number: Int128) {
        append(Int64(truncatingIfNeeded: number &>> 64))
        append(Int64(truncatingIfNeeded: number))
    }

    // Four bytes, the lowest first, where a number is known later than its place.
    package mutating func append(fixed number: UInt32) {
        bytes.append(contentsOf: [0, 0, 0, 0])
        set(number, at: bytes.count - 4)
    }

    package mutating func set(_ number: UInt32, at place: Int) {
        for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: number &>> (8 * UInt32(byte))) }
    }

    package func fixed(at place: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) &<< (8 * UInt32($1)) }
    }

    package mutating func append(contentsOf more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
}

/// Takes packed numbers out again.
package struct PackedIntegerReader: Sendable {
    private let bytes: [UInt8]
    package private(set) var position = 0

    package struct Truncated: Error {}

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var remaining: Int { bytes.count - position }

    package mutating func fixed() throws(Truncated) -> UInt32 {
        guard remaining >= 4 else { throw Truncated() }
        defer { position += 4 }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) &<< (8 * UInt32($1)) }
    }

    /// Goes to a place that was passed before, or past something.
    package mutating func move(to place: Int) throws(Truncated) {
        guard (0...bytes.count).contains(place) else { throw Truncated() }
        position = place
    }

    package mutating func unsigned() throws(Truncated) -> UInt64 {
        var (number, shift) = (UInt64(0), UInt64(0))
        while position < bytes.count, shift < 64 {
            let byte = bytes[position]
            position += 1
            number |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return number }
            shift += 7
        }
        throw Truncated()
    }

    package mutating func next() throws(Truncated) -> Int64 {
        let number = try unsigned()
        return Int64(bitPattern: number &>> 1) ^ -Int64(bitPattern: number & 1)
    }

    package mutating func wide() throws(Truncated) -> Int128 {
        let high = try next()
        return Int128(high) &<< 64 | Int128(UInt64(bitPattern: try next()))
    }

    /// A number of things of which each takes one byte at least.
    package mutating func count() throws(Truncated) -> Int {
        guard let count = Int(exactly: try unsigned()), count <= remaining else { throw Truncated() }
        return count
    }

    package mutating func take(_ count: Int) throws(Truncated) -> [UInt8] {
        guard count <= remaining else { throw Truncated() }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }
}
