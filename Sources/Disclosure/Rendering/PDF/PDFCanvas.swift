/// What is drawn on one page, in points from its upper left corner.
struct PDFCanvas {
    private(set) var content: [UInt8] = []

    mutating func text(
        _ bytes: [UInt8], x: Int, y: Int, font: PDFFont = .regular, size: Int, gray: Int = 10
    ) {
        guard !bytes.isEmpty else { return }
        add("BT \(Self.decimal(gray)) g /\(font.resource) \(size) Tf \(x) \(PDFFile.pageHeight - y) Td (")
        content += PDFFile.escaped(bytes)
        add(") Tj ET\n")
    }

    mutating func line(x1: Int, y1: Int, x2: Int, y2: Int, gray: Int = 75) {
        add("0.5 w \(Self.decimal(gray)) G \(x1) \(PDFFile.pageHeight - y1) m \(x2) \(PDFFile.pageHeight - y2) l S\n")
    }

    mutating func fill(x: Int, y: Int, width: Int, height: Int, red: Int, green: Int, blue: Int) {
        func part(_ value: Int) -> String { Self.decimal(value * 100 / 255) }
        add("\(part(red)) \(part(green)) \(part(blue)) rg ")
        add("\(x) \(PDFFile.pageHeight - y - height) \(width) \(height) re f\n")
    }

    mutating func frame(x: Int, y: Int, width: Int, height: Int) {
        add("0.5 w 0.80 G \(x) \(PDFFile.pageHeight - y - height) \(width) \(height) re S\n")
    }

    /// A chart, at `percent` of its size.
    mutating func draw(_ drawing: Drawing, x left: Int, y top: Int, percent: Int) {
        func scaled(_ value: Int) -> Int { value * percent / 100 }
        for shape in drawing.shapes {
            switch shape {
            case .rectangle(let x, let y, let width, let height, let color):
                let (red, green, blue) = Drawing.color(color)
                fill(
                    x: left + scaled(x), y: top + scaled(y), width: max(1, scaled(x + width) - scaled(x)),
                    height: max(1, scaled(y + height) - scaled(y)), red: red, green: green, blue: blue)
            case .line(let x1, let y1, let x2, let y2):
                line(x1: left + scaled(x1), y1: top + scaled(y1), x2: left + scaled(x2), y2: top + scaled(y2))
            case .text(let x, let y, let anchor, let size, let text):
                let bytes = PDFFont.encode(text)
                let points = max(6, scaled(size))
                let width = PDFFont.regular.width(bytes, size: points) / 1000
                let shift = anchor == .start ? 0 : anchor == .middle ? width / 2 : width
                self.text(bytes, x: left + scaled(x) - shift, y: top + scaled(y), size: points)
            }
        }
    }

    private mutating func add(_ text: String) { content += text.utf8 }

    /// Hundredths as a decimal.
    private static func decimal(_ hundredths: Int) -> String {
        hundredths >= 100 ? "1" : "0.\(hundredths < 10 ? "0" : "")\(hundredths)"
    }
}
