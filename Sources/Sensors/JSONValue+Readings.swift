package import JSONText

/// Readings in answers of meters and BMCs: exact, and wherever the device chose to put them.
extension JSONValue {
    /// The number times 10^`scale`; a number inside a string counts too, because meters and BMCs quote them.
    package func scaled(by scale: Int) -> Int64? {
        switch self {
        case .number(let number): DecimalText.scaled(number.text.utf8, by: scale)
        case .string(let text): DecimalText.scaled(Array(text.utf8).trimmed(), by: scale)
        default: nil
        }
    }

    /// Follows member names and array indices, `a.b[0].c`.
    package func member(at path: String) -> JSONValue? {
        var value: JSONValue? = self
        for part in path.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            if let elements = value?.array {
                guard let index = Int(part), elements.indices.contains(index) else { return nil }
                value = elements[index]
            } else {
                value = value?[String(part)]
            }
        }
        return value
    }

    var elements: [JSONValue] { array ?? [] }

    /// An answer of a device: at most as deep and long as those of known ones.
    static func answer(_ bytes: [UInt8]) -> JSONValue? {
        try? JSONValue(parsing: bytes, limits: Limits(bytes: 4 << 20, depth: 64))
    }
}
