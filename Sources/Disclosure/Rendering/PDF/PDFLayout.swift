/// Sets a report on pages of A4: headings keep with what follows, rows and charts are not cut, heads of tables are
/// repeated.
struct PDFLayout {
    private static let left = 48
    private static let right = PDFFile.pageWidth - 48
    private static let top = 56
    private static let bottom = PDFFile.pageHeight - 56
    private static var width: Int { right - left }

    private var pages: [PDFCanvas] = [PDFCanvas()]
    private var y = PDFLayout.top
    private let footer: [UInt8]

    private init(footer: String) { self.footer = PDFFont.encode(footer) }

    static func pages(of page: DisclosurePage) -> [[UInt8]] {
        var layout = PDFLayout(footer: "\(page.title), \(page.organization)")
        layout.text(page.title, font: .bold, size: 20, after: 4)
        layout.text(page.organization, font: .bold, size: 13, after: 2)
        for line in page.lines { layout.text(line, size: 10) }
        for section in page.sections { layout.add(section) }
        return layout.finished
    }

    private var finished: [[UInt8]] {
        pages.enumerated().map { index, page in
            var page = page
            let number = PDFFont.encode("Page \(index + 1) of \(pages.count)")
            let width = PDFFont.regular.width(number, size: 8) / 1000
            page.text(footer, x: Self.left, y: PDFFile.pageHeight - 30, size: 8, gray: 45)
            page.text(number, x: Self.right - width, y: PDFFile.pageHeight - 30, size: 8, gray: 45)
            return page.content
        }
    }

    private mutating func need(_ height: Int) {
        guard y + height > Self.bottom, y > Self.top else { return }
        pages.append(PDFCanvas())
        y = Self.top
    }

    private mutating func draw(_ body: (inout PDFCanvas, Int) -> Void) { body(&pages[pages.count - 1], y) }

    // MARK: Blocks

    private mutating func add(_ section: DisclosurePage.Section) {
        // A paragraph under a heading says what the block behind it shows.
        var leading = section.blocks.prefix(1)
        if case .paragraph = leading.first { leading = section.blocks.prefix(2) }
        need(44 + leading.reduce(0) { $0 + Self.leadingHeight($1) })
        y += 16
        text(section.title, font: .bold, size: 13, after: 3)
        draw { page, y in page.line(x1: Self.left, y1: y, x2: Self.right, y2: y) }
        y += 8
        for (index, block) in section.blocks.enumerated() {
            if case .subheading = block, index + 1 < section.blocks.count {
                need(24 + Self.leadingHeight(section.blocks[index + 1]))
            }
            add(block)
        }
    }

    /// What of a block must stand under its heading.
    private static func leadingHeight(_ block: DisclosurePage.Block) -> Int {
        switch block {
        case .drawing(let drawing): drawing.height * drawingPercent / 100 + 22
        case .tiles: 50
        case .table(let table): leadingHeight(table)
        default: 30
        }
    }

    private mutating func add(_ block: DisclosurePage.Block) {
        switch block {
        case .paragraph(let text): self.text(text, size: 10, after: 6)
        case .note(let text): self.text(text, size: 8, after: 6)
        case .subheading(let text):
            y += 4
            self.text(text, font: .bold, size: 10, after: 3)
        case .code(let text):
            for line in text.split(separator: "\n") { self.text(String(line), font: .fixed, size: 8) }
            y += 6
        case .list(let items):
            for item in items { bullet(item) }
            y += 4
        case .tiles(let tiles): self.tiles(tiles)
        case .drawing(let drawing): chart(drawing)
        case .table(let table): self.table(table)
        }
    }

    private mutating func text(
        _ text: String, font: PDFFont = .regular, size: Int, after: Int = 0, indent: Int = 0
    ) {
        let lines = PDFText.lines(text, font: font, size: size, width: Self.width - indent)
        for line in lines {
            need(size + 4)
            y += size + 3
            draw { page, y in page.text(line, x: Self.left + indent, y: y - 2, font: font, size: size) }
        }
        y += after
    }

    private mutating func bullet(_ item: String) {
        need(14)
        let place = y
        let page = pages.count - 1
        text(item, size: 10, after: 2, indent: 12)
        pages[page].text([0x95], x: Self.left, y: place + 11, size: 10)
    }

    private mutating func tiles(_ tiles: [(name: String, value: String)]) {
        let columns = 3
        let gap = 8
        let width = (Self.width - gap * (columns - 1)) / columns
        for start in stride(from: 0, to: tiles.count, by: columns) {
            need(48)
            for (column, tile) in tiles[start..<min(tiles.count, start + columns)].enumerated() {
                let x = Self.left + column * (width + gap)
                draw { page, y in
                    page.frame(x: x, y: y, width: width, height: 40)
                    page.text(PDFFont.encode(tile.name), x: x + 7, y: y + 14, size: 8, gray: 40)
                    page.text(PDFFont.encode(tile.value), x: x + 7, y: y + 32, font: .bold, size: 13)
                }
            }
            y += 48
        }
        y += 4
    }

    private static let drawingPercent = 76

    private mutating func chart(_ drawing: Drawing) {
        need(drawing.height * Self.drawingPercent / 100 + 26)
        text(drawing.title, font: .bold, size: 10, after: 4)
        draw { page, y in page.draw(drawing, x: Self.left, y: y, percent: Self.drawingPercent) }
        y += drawing.height * Self.drawingPercent / 100 + 10
    }

    // MARK: Tables

    private static let cellSize = 8
    private static let padding = 4

    private static func edges(_ table: DisclosurePage.Table) -> [Int] {
        let count = table.head.count
        let parts = table.widths.count == count ? table.widths : Array(repeating: 1, count: count)
        let total = max(1, parts.reduce(0, +))
        return [left] + parts.indices.map { left + width * parts[...$0].reduce(0, +) / total }
    }

    /// The head and the first row, which stay together.
    private static func leadingHeight(_ table: DisclosurePage.Table) -> Int {
        let edges = edges(table)
        let first = table.rows.first.map { height(cells($0, edges, font: .regular)) } ?? 0
        return min(height(cells(table.head, edges, font: .bold)) + first + 10, (bottom - top) / 2)
    }

    private mutating func table(_ table: DisclosurePage.Table) {
        let edges = Self.edges(table)
        let head = Self.cells(table.head, edges, font: .bold)
        need(Self.leadingHeight(table))
        row(head, table, edges, font: .bold, isHead: true)
        for cells in table.rows {
            let lines = Self.cells(cells, edges, font: .regular)
            if y + Self.height(lines) > Self.bottom {
                need(Self.bottom)
                row(head, table, edges, font: .bold, isHead: true)
            }
            row(lines, table, edges, font: .regular, isHead: false)
        }
        y += 8
    }

    private static func cells(_ texts: [String], _ edges: [Int], font: PDFFont) -> [[[UInt8]]] {
        texts.prefix(edges.count - 1).enumerated().map { column, text in
            text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
                PDFText.lines(
                    String(line), font: font, size: Self.cellSize,
                    width: edges[column + 1] - edges[column] - 2 * Self.padding)
            }
        }
    }

    private static func height(_ cells: [[[UInt8]]]) -> Int {
        (cells.map(\.count).max() ?? 1) * (cellSize + 2) + 5
    }

    private mutating func row(
        _ cells: [[[UInt8]]], _ table: DisclosurePage.Table, _ edges: [Int], font: PDFFont, isHead: Bool
    ) {
        // A row that no page holds goes on where it is and is cut by none.
        need(min(Self.height(cells), Self.bottom - Self.top))
        let height = Self.height(cells)
        draw { page, y in
            if isHead {
                page.fill(x: Self.left, y: y, width: Self.width, height: height, red: 243, green: 245, blue: 248)
            }
            for (column, lines) in cells.enumerated() {
                for (number, line) in lines.enumerated() {
                    let width = font.width(line, size: Self.cellSize) / 1000
                    let x =
                        table.numeric.contains(column)
                        ? edges[column + 1] - Self.padding - width : edges[column] + Self.padding
                    page.text(line, x: x, y: y + (number + 1) * (Self.cellSize + 2), font: font, size: Self.cellSize)
                }
            }
            page.line(x1: Self.left, y1: y + height, x2: Self.right, y2: y + height, gray: 85)
        }
        y += height
    }
}
