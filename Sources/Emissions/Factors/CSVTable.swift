/// A table of RFC 4180: a header, then rows of as many fields. Every complaint begins with the line.
package struct CSVTable {
    package struct Row {
        /// From 1, where the row begins.
        package var line: Int
        package var fields: [String]
    }

    package var header: [String]
    package var rows: [Row]

    static let maximumBytes = 256 << 20

    /// - Parameter headerContains: the first row with this field (in any case) is the header; rows before it are
    ///   titles.
    package init(parsing bytes: [UInt8], headerContains name: String? = nil) throws(EmissionsError) {
        var reader = try CSVReader(bytes)
        while let row = try reader.row() {
            let isHeader = name.map { wanted in row.fields.contains { Self.isSame($0, wanted) } } ?? true
            guard isHeader else { continue }
            header = row.fields
            rows = []
            while let row = try reader.row() {
                guard row.fields.count == header.count else {
                    throw EmissionsError(
                        .malformedTable,
                        "line \(row.line): \(row.fields.count) fields where the header has \(header.count)")
                }
                rows.append(row)
            }
            return
        }
        throw EmissionsError(.malformedTable, "line 1: no header\(name.map { " with a column '\($0)'" } ?? "")")
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

    /// A figure; nil when the field is empty. Thousands may be grouped by commas, as eGRID does.
    package func figure(_ column: Int, _ name: String) throws(EmissionsError) -> DecimalFigure? {
        let text = fields[column]
        guard !text.isEmpty else { return nil }
        do {
            return try DecimalFigure(parsing: Self.withoutGrouping(text))
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
    var position = 0
    var line = 1

    init(_ bytes: [UInt8]) throws(EmissionsError) {
        guard bytes.count <= CSVTable.maximumBytes else {
            throw EmissionsError(.malformedTable, "line 1: the table is larger than 256 MiB: split it")
        }
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next row that is not empty.
    mutating func row() throws(EmissionsError) -> CSVTable.Row? {
        while position < bytes.count {
            let start = line
            var fields: [String] = []
            var isLast = false
            while !isLast { (fields, isLast) = (fields + [try field(line: start)], try endOfField()) }
            if fields != [""] { return CSVTable.Row(line: start, fields: fields) }
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
            while position < bytes.count, !Self.endsField(bytes[position]) {
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
        case UInt8(ascii: ","): return false
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

    private static func endsField(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
