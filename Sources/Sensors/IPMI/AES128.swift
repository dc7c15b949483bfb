/// AES-128 (FIPS 197) in cipher block chaining, because IPMI 2.0 cipher suite 3 needs it. Not for anything else.
struct AES128 {
    private let roundKeys: [[UInt8]]

    /// - Precondition: the key has 16 bytes.
    init(key: [UInt8]) {
        precondition(key.count == 16)
        var words = stride(from: 0, to: 16, by: 4).map { Array(key[$0..<$0 + 4]) }
        var constant: UInt8 = 1
        for index in 4..<44 {
            var word = words[index - 1]
            if index % 4 == 0 {
                word = [word[1], word[2], word[3], word[0]].map { Self.box[Int($0)] }
                word[0] ^= constant
                constant = Self.double(constant)
            }
            words.append(zip(words[index - 4], word).map { $0 ^ $1 })
        }
        roundKeys = stride(from: 0, to: 44, by: 4).map { Array(words[$0..<$0 + 4].joined()) }
    }

    private static func double(_ byte: UInt8) -> UInt8 { byte << 1 ^ (byte & 0x80 == 0 ? 0 : 0x1B) }

    private static func multiply(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var (a, b, product) = (left, right, UInt8(0))
        while b != 0 {
            if b & 1 == 1 { product ^= a }
            a = double(a)
            b >>= 1
        }
        return product
    }

    /// The substitution box: inverses in GF(2^8) under the affine map.
    private static let box: [UInt8] = {
        var box = [UInt8](repeating: 0x63, count: 256)
        var (p, q): (UInt8, UInt8) = (1, 1)
        repeat {
            // p runs through all powers of 3, q through their inverses.
            p = p ^ double(p)
            q = multiply(q, 0xF6)
            let x = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4)
            box[Int(p)] = x ^ 0x63
        } while p != 1
        return box
    }()

    private static let inverseBox: [UInt8] = {
        var inverse = [UInt8](repeating: 0, count: 256)
        for (index, value) in box.enumerated() { inverse[Int(value)] = UInt8(index) }
        return inverse
    }()

    private static func mixed(_ block: [UInt8], _ row: [UInt8]) -> [UInt8] {
        (0..<16).map { position in
            let column = position / 4 * 4
            return (0..<4).reduce(0) { $0 ^ multiply(block[column + $1], row[($1 - position % 4 + 4) % 4]) }
        }
    }

    func encrypt(block: [UInt8]) -> [UInt8] {
        var state = Self.sum(block, roundKeys[0])
        for round in 1...10 {
            let boxed = state.map { Self.box[Int($0)] }
            state = (0..<16).map { boxed[($0 + 4 * ($0 % 4)) % 16] }
            if round < 10 { state = Self.mixed(state, [2, 3, 1, 1]) }
            state = Self.sum(state, roundKeys[round])
        }
        return state
    }

    func decrypt(block: [UInt8]) -> [UInt8] {
        var state = block
        for round in stride(from: 10, through: 1, by: -1) {
            state = Self.sum(state, roundKeys[round])
            if round < 10 { state = Self.mixed(state, [14, 11, 13, 9]) }
            let shifted = (0..<16).map { state[($0 + 12 * ($0 % 4)) % 16] }
            state = shifted.map { Self.inverseBox[Int($0)] }
        }
        return Self.sum(state, roundKeys[0])
    }

    private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { zip(left, right).map { $0 ^ $1 } }

    /// - Precondition: `message` is whole blocks and `vector` one.
    func encrypt(_ message: [UInt8], vector: [UInt8]) -> [UInt8] {
        var last = vector
        return stride(from: 0, to: message.count, by: 16).flatMap { start in
            last = encrypt(block: Self.sum(Array(message[start..<start + 16]), last))
            return last
        }
    }

    func decrypt(_ message: [UInt8], vector: [UInt8]) -> [UInt8] {
        var last = vector
        return stride(from: 0, to: message.count, by: 16).flatMap { start in
            let block = Array(message[start..<start + 16])
            defer { last = block }
            return Self.sum(decrypt(block: block), last)
        }
    }
}
