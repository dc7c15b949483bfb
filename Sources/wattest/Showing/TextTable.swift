import JSONText

/// Rows in columns for a person: texts to the left, figures to the right.
struct TextTable {
    enum Alignment {
        case left
        case right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: (String, Alignment)...) { self.init(heads: columns) }

    init(heads columns: [(String, Alignment)]) { self.columns = columns.map { (title: $0.0, alignment: $0.1) } }

    /// Cells beyond the columns are not shown; missing ones are blank. A name in one cannot make a row of its own.
    mutating func add(_ cells: String...) { add(cells) }

    mutating func add(_ cells: [String]) { rows.append(cells.map(PlainText.line)) }

    var isEmpty: Bool { rows.isEmpty }

    var text: String {
        let all = [columns.map(\.title)] + rows
        let widths = columns.indices.map { index in
            all.map { $0.indices.contains(index) ? $0[index].count : 0 }.max() ?? 0
        }
        return all.map { row in
            var line = ""
            for (index, column) in columns.enumerated() {
                let cell = row.indices.contains(index) ? row[index] : ""
                let blanks = String(repeating: " ", count: widths[index] - cell.count)
                line += (index > 0 ? "  " : "") + (column.alignment == .left ? cell + blanks : blanks + cell)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
