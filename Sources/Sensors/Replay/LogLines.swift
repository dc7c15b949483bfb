/// The lines of a file that are not blank, with their numbers from 1; a byte-order mark and carriage returns are left
/// off.
struct LogLines: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var position: Int
    private var number = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func next() -> (number: Int, bytes: ArraySlice<UInt8>)? {
        while position < bytes.count {
            let end = bytes[position...].firstIndex(of: 10) ?? bytes.count
            let line = bytes[position..<end].trimmed()
            position = end + 1
            number += 1
            if !line.isEmpty { return (number, line) }
        }
        return nil
    }
}

/// One line of separated values. A field in double quotes may hold the separator; a doubled quote stands for one.
enum SeparatedLine {
    /// - Returns: the trimmed fields, or nil when a quote is not closed.
    static func fields(_ line: ArraySlice<UInt8>, separator: UInt8) -> [ArraySlice<UInt8>]? {
        let quote = UInt8(ascii: "\"")
        guard line.contains(quote) else {
            return line.split(separator: separator, omittingEmptySubsequences: false).map { $0.trimmed() }
        }
        var fields: [ArraySlice<UInt8>] = []
        var field: [UInt8] = []
        var isQuoted = false
        var position = line.startIndex
        while position < line.endIndex {
            let byte = line[position]
            position += 1
            if byte == quote {
                if isQuoted, position < line.endIndex, line[position] == quote {
                    field.append(quote)
                    position += 1
                } else {
                    isQuoted.toggle()
                }
            } else if byte == separator, !isQuoted {
                fields.append(field.trimmed())
                field = []
            } else {
                field.append(byte)
            }
        }
        guard !isQuoted else { return nil }
        fields.append(field.trimmed())
        return fields
    }

    /// The separator of a header line: the first of comma, semicolon, tab, bar that occurs in it.
    static func separator(of header: ArraySlice<UInt8>) -> UInt8 {
        for candidate in [UInt8(ascii: ","), UInt8(ascii: ";"), 9, UInt8(ascii: "|")] where header.contains(candidate) {
            return candidate
        }
        return UInt8(ascii: ",")
    }
}

/// The names of a header line, lower case.
struct LogHeader {
    let names: [String]
    let separator: UInt8

    init?(_ line: ArraySlice<UInt8>, separator: UInt8? = nil) {
        let mark = separator ?? SeparatedLine.separator(of: line)
        guard let fields = SeparatedLine.fields(line, separator: mark) else { return nil }
        self.separator = mark
        names = fields.map { String(decoding: $0, as: UTF8.self).lowercased() }
    }

    /// The first column that has one of the names, in the order of the names.
    func column(_ candidates: String...) -> Int? {
        for name in candidates {
            if let index = names.firstIndex(of: name) { return index }
        }
        return nil
    }
}

/// A table whose header may come again, as several calls of one tool leave it in a file.
enum HeadedTable {
    /// Hands on each line behind a header, with the columns of the newest one.
    ///
    /// - Parameters:
    ///   - missing: what is said of a line that stands before any header.
    ///   - columns: of a header; nil for every other line.
    static func read<Columns>(
        _ bytes: [UInt8], into log: inout RecordedLog, missing: String, columns: (LogHeader) -> Columns?,
        take: (_ line: ArraySlice<UInt8>, _ number: Int, Columns, inout RecordedLog) -> Void
    ) {
        var known: Columns?
        for (number, line) in LogLines(bytes) {
            if let header = LogHeader(line).flatMap(columns) {
                known = header
                log.otherLineCount += 1
                continue
            }
            guard let known else {
                log.refuse(line: number, missing)
                continue
            }
            take(line, number, known, &log)
        }
    }
}
