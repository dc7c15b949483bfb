/// Slurm's short form of many host names: `gpu[001-128,130],login1` (scontrol(1), "show hostnames").
package enum Hostlist {
    package static let maximumHosts = 65_536

    /// Every name in the order of the list.
    ///
    /// - Returns: nil when the text is no host list, or names more than `limit` hosts: a forged list in a task's
    ///   environment must not take the node's memory.
    package static func expand(_ text: String, limit: Int = maximumHosts) -> [String]? {
        guard text.utf8.count <= 1 << 20, let parts = split(Array(text.utf8)) else { return nil }
        var hosts: [String] = []
        for part in parts {
            guard let names = names(of: part, limit: limit - hosts.count) else { return nil }
            hosts += names
        }
        return hosts.isEmpty ? nil : hosts
    }

    /// At the commas outside of brackets.
    private static func split(_ text: [UInt8]) -> [ArraySlice<UInt8>]? {
        var parts: [ArraySlice<UInt8>] = []
        var isInside = false
        var start = 0
        for (index, byte) in text.enumerated() {
            switch byte {
            case UInt8(ascii: "["):
                guard !isInside else { return nil }
                isInside = true
            case UInt8(ascii: "]"):
                guard isInside else { return nil }
                isInside = false
            case UInt8(ascii: ",") where !isInside:
                parts.append(text[start..<index])
                start = index + 1
            default: break
            }
        }
        guard !isInside else { return nil }
        parts.append(text[start...])
        return parts.allSatisfy { !$0.isEmpty } ? parts : nil
    }

    /// A part may hold several bracketed lists, `rack[1-2]node[1-4]`: every combination, the last one fastest.
    private static func names(of part: ArraySlice<UInt8>, limit: Int) -> [String]? {
        var names: [[UInt8]] = [[]]
        var rest = part
        while let open = rest.firstIndex(of: UInt8(ascii: "[")) {
            guard let close = rest[open...].firstIndex(of: UInt8(ascii: "]")),
                let middles = numbers(rest[(open + 1)..<close], limit: limit),
                names.count * middles.count <= limit
            else { return nil }
            let fixed = rest[rest.startIndex..<open]
            names = names.flatMap { name in middles.map { name + fixed + $0 } }
            rest = rest[(close + 1)...]
        }
        guard names.count <= limit, names.allSatisfy({ $0.count + rest.count <= 255 }) else { return nil }
        let texts = (names.map { $0 + rest }).map { String(decoding: $0, as: UTF8.self) }
        return texts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) } ? texts : nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    /// `001-128,130`, with the zeros in front that the first number of a range has.
    private static func numbers(_ list: ArraySlice<UInt8>, limit: Int) -> [[UInt8]]? {
        var all: [[UInt8]] = []
        for range in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let ends = range.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            guard ends.count <= 2, let first = ends.first, let last = ends.last, first.count <= 9, last.count <= 9,
                let low = DecimalNumber.parse(first), let high = DecimalNumber.parse(last), low <= high,
                high - low < Int64(limit), all.count + Int(high - low) < limit
            else { return nil }
            for number in low...high {
                let digits = Array("\(number)".utf8)
                all.append(Array(repeating: UInt8(ascii: "0"), count: max(0, first.count - digits.count)) + digits)
            }
        }
        return all
    }
}

/// Decimal digits and nothing else.
package enum DecimalNumber {
    package static func parse(_ bytes: some Collection<UInt8>) -> Int64? {
        guard (1...18).contains(bytes.count) else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            guard (48...57).contains(byte) else { return nil }
            value = value &* 10 &+ Int64(byte &- 48)
        }
        return value
    }

    package static func parse(_ text: some StringProtocol) -> Int64? { parse(Array(text.utf8)) }

    /// `0-3,7`, as Slurm writes indexes and processors. nil when it is something else or longer than `limit`.
    package static func list(_ text: some StringProtocol, limit: Int = 4096) -> [Int]? {
        var all: [Int] = []
        for range in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = range.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count <= 2, let first = ends.first.flatMap({ parse($0) }),
                let last = ends.last.flatMap({ parse($0) }),
                first <= last, last - first < Int64(limit), all.count + Int(last - first) < limit
            else { return nil }
            all += Int(first)...Int(last)
        }
        return all
    }
}
