/// A table of RFC 4180: a header, then rows of as many fields. Every complaint begins with the line.
///
/// Where no comma-separated header is found, semicolons and tabs are tried, as spreadsheets write them where the comma
/// is the decimal sign.
package struct CSVTable {
    package struct Row {
        /// From 1, where the row begins.
        package var line: Int
        package var fields: [String]
        /// The fields are separated by semicolons or tabs, so a comma in a figure is its decimal sign.
        var hasDecimalComma = false
    }

    package var header: [String]
    package var rows: [Row]

    static let maximumBytes = 256 << 20

    /// - Parameter headerContains: the first row with one of these fields (in any case) is the header; rows before it
    ///   are titles.
    package init(parsing bytes: [UInt8], headerContains names: String...) throws(EmissionsError) {
        for separator in [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")] {
            guard let table = try Self.parse(bytes, names, separator) else { continue }
            self = table
            return
        }
        throw EmissionsError(
            .malformedTable,
            "line 1: no header with a column '\(names.first ?? "")': name the columns as the format does")
    }

    private init(header: [String], rows: [Row]) {
        self.header = header
        self.rows = rows
    }

    /// - Returns: nil when no row is the header.
    private static func parse(
        _ bytes: [UInt8], _ names: [String], _ separator: UInt8
    ) throws(EmissionsError) -> CSVTable? {
        var reader = try CSVReader(bytes, separator: separator)
        // Quotes that make no sense by one separator do by another.
        while let row = try? reader.row() {
            guard names.contains(where: { name in row.fields.contains { isSame($0, name) } }) else { continue }
            var table = CSVTable(header: row.fields, rows: [])
            while let row = try reader.row() {
                guard row.fields.count == table.header.count else {
                    throw EmissionsError(
                        .malformedTable,
                        "line \(row.line): \(row.fields.count) fields where the header has \(table.header.count)")
                }
                table.rows.append(row)
            }
            return table
        }
        return nil
    }

    /// The column of that name, in any case.
    package func column(_ names: String...) throws(EmissionsError) -> Int {
        for name in names {
            if let index = header.firstIndex(where: { Self.isSame($0, name) }) { return index }
        }
        throw EmissionsError(
            .malformedTable, "line 1: no column '\(names[0])'; the table has \(header.joined(separator: ", "))")
    }

    package func optionalColumn(_ names: String...) -> Int? {
        names.lazy.compactMap { name in header.firstIndex { Self.isSame($0, name) } }.first
    }

    static func isSame(_ a: String, _ b: String) -> Bool {
        a.lowercased().filter { $0 != " " && $0 != "_" } == b.lowercased().filter { $0 != " " && $0 != "_" }
    }
}

extension CSVTable.Row {
    package func error(_ message: String) -> EmissionsError {
        EmissionsError(.malformedTable, "line \(line): \(message)")
    }

    /// A figure; nil when the field is empty.
    ///
    /// - Parameter grouped: thousands may be grouped by commas, as in eGRID. Elsewhere `1,234` is refused: it can be
    ///   more than a thousand or a little above one.
    package func figure(_ column: Int, _ name: String, grouped: Bool = false) throws(EmissionsError) -> DecimalFigure? {
        var text = fields[column]
        guard !text.isEmpty else { return nil }
        if hasDecimalComma, !text.contains("."), let comma = text.firstIndex(of: ",") {
            text.replaceSubrange(comma...comma, with: ".")
        } else if grouped {
            text = Self.withoutGrouping(text)
        }
        do {
            return try DecimalFigure(parsing: text)
        } catch {
            throw self.error("\(name): \(error.message)")
        }
    }

    private static func withoutGrouping(_ text: String) -> String {
        let groups = text.split(separator: ",", omittingEmptySubsequences: false)
        guard groups.count > 1, (1...3).contains(groups[0].utf8.count) else { return text }
        for (index, group) in groups.dropFirst().enumerated() {
            let digits = index == groups.count - 2 ? group.prefix { $0 != "." } : group
            guard digits.utf8.count == 3 else { return text }
        }
        return groups.joined()
    }
}

private struct CSVReader {
    let bytes: [UInt8]
    let separator: UInt8
    var position = 0
    var line = 1

    init(_ bytes: [UInt8], separator: UInt8) throws(EmissionsError) {
        guard bytes.count <= CSVTable.maximumBytes else {
            throw EmissionsError(.malformedTable, "line 1: the table is larger than 256 MiB: split it")
        }
        self.bytes = bytes
        self.separator = separator
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next row that is not empty.
    mutating func row() throws(EmissionsError) -> CSVTable.Row? {
        while position < bytes.count {
            let start = line
            var fields: [String] = []
            var isLast = false
            while !isLast { (fields, isLast) = (fields + [try field(line: start)], try endOfField()) }
            if fields != [""] {
                return CSVTable.Row(line: start, fields: fields, hasDecimalComma: separator != UInt8(ascii: ","))
            }
        }
        return nil
    }

    private mutating func field(line start: Int) throws(EmissionsError) -> String {
        var field: [UInt8] = []
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            position += 1
            while true {
                guard position < bytes.count else {
                    throw EmissionsError(.malformedTable, "line \(start): a quotation mark is not closed")
                }
                let byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\"") {
                    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { break }
                    position += 1
                } else if byte == UInt8(ascii: "\n") {
                    line += 1
                }
                field.append(byte)
            }
        } else {
            while position < bytes.count, !endsField(bytes[position]) {
                field.append(bytes[position])
                position += 1
            }
        }
        guard let text = String(validating: field, as: UTF8.self) else {
            throw EmissionsError(.malformedTable, "line \(start): the bytes are not UTF-8: convert the file")
        }
        return Self.trimmed(text)
    }

    /// Takes the mark behind a field; true at the end of the row.
    private mutating func endOfField() throws(EmissionsError) -> Bool {
        guard position < bytes.count else { return true }
        let byte = bytes[position]
        position += 1
        switch byte {
        case separator: return false
        case UInt8(ascii: "\r"):
            if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { position += 1 }
            line += 1
            return true
        case UInt8(ascii: "\n"):
            line += 1
            return true
        default:
            throw EmissionsError(.malformedTable, "line \(line): text behind a closing quotation mark")
        }
    }

    private func endsField(_ byte: UInt8) -> Bool {
        byte == separator || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
