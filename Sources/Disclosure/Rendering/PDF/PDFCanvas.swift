/// What is drawn on one page, in points from its upper left corner.
struct PDFCanvas {
    private(set) var content: [UInt8] = []

    mutating func text(
        _ bytes: [UInt8], x: Int, y: Int, font: PDFFont = .regular, size: Int, gray: Int = 10
    ) {
        guard !bytes.isEmpty else { return }
        add("BT \(Self.decimal(gray)) g /\(font.resource) \(size) Tf \(x) \(PDFFile.pageHeight - y) Td ")
        var plain: [UInt8] = []
        for glyph in PDFGlyph.glyphs(of: bytes) {
            if case .plain(let code) = glyph.kind {
                plain.append(code)
            } else {
                show(plain)
                plain = []
                show(glyph, font: font, size: size)
            }
        }
        show(plain)
        add("ET\n")
    }

    private mutating func show(_ codes: [UInt8]) {
        guard !codes.isEmpty else { return }
        add("(")
        content += PDFFile.escaped(codes)
        add(") Tj ")
    }

    /// Leaves the font as it was.
    private mutating func show(_ glyph: PDFGlyph, font: PDFFont, size: Int) {
        switch glyph.kind {
        case .plain(let code): show([code])
        case .symbol(let code, let hasAccent):
            add("/\(PDFFont.symbolResource) \(size) Tf ")
            show([code])
            if hasAccent {
                let (width, own) = (PDFGlyph.symbolWidth(code), font.width(.acute))
                let isCapital = (0x41...0x5A).contains(code)
                show(.acute, right: isCapital ? -150 : (width - own) / 2, up: 0, behind: width, font, size)
            }
            add("/\(font.resource) \(size) Tf ")
        case .marked(let place):
            // Who copies or searches the text finds the letter, not its parts.
            let scalar = String(0x0100 + Int(place), radix: 16, uppercase: true)
            add("/Span << /ActualText <FEFF0\(scalar)> >> BDC ")
            if let code = PDFGlyph.direct(place) {
                add("/\(font.standardResource) \(size) Tf ")
                show([code])
            } else {
                show([PDFFont.base(of: place)])
            }
            if let mark = PDFGlyph.mark(of: place) {
                let (right, up) = font.offset(of: mark, over: place)
                show(mark, right: right, up: up, behind: font.letterWidth(of: place), font, size)
                add("[\(font.letterWidth(of: place) - font.width(glyph))] TJ ")
            }
            add("/\(font.resource) \(size) Tf EMC ")
        }
    }

    /// A mark over what was shown last, and back to behind it.
    private mutating func show(
        _ mark: PDFGlyph.Mark, right: Int, up: Int, behind width: Int, _ font: PDFFont, _ size: Int
    ) {
        add("/\(font.standardResource) \(size) Tf [\(width - right)] TJ ")
        if up != 0 { add("\(Self.decimal(up * size / 10)) Ts ") }
        show([mark.rawValue])
        if up != 0 { add("0 Ts ") }
        add("[\(right + font.width(mark) - width)] TJ ")
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
        hundredths == 100 ? "1" : "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
