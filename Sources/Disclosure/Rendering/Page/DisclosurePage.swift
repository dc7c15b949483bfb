import JSONText

/// A report as a reader goes through it, before it becomes a web page or a printed one.
struct DisclosurePage {
    enum Block {
        /// Words for somebody who has never heard of the matter.
        case paragraph(String)
        case note(String)
        /// A figure that stands out, and what it is.
        case tiles([(name: String, value: String)])
        case table(Table)
        case drawing(Drawing)
        case list([String])
        case code(String)
        case subheading(String)
    }

    struct Table {
        var head: [String]
        var rows: [[String]]
        /// Columns of figures, set to the right.
        var numeric: Set<Int> = []
        /// Parts of the width for each column; equal ones where it is empty.
        var widths: [Int] = []
    }

    struct Section {
        var title: String
        var blocks: [Block]
    }

    var title: String
    var organization: String
    /// Period, audience.
    var lines: [String]
    var sections: [Section]
}
