/// A picture of rectangles, lines and words, in points from its upper left corner: one chart for the page and for the
/// print. Integers alone, so that the same figures give the same bytes.
struct Drawing {
    enum Anchor: String {
        case start, middle, end
    }

    enum Shape {
        case rectangle(x: Int, y: Int, width: Int, height: Int, color: Int)
        case line(x1: Int, y1: Int, x2: Int, y2: Int)
        case text(x: Int, y: Int, anchor: Anchor, size: Int, text: String)
    }

    var title: String
    var width: Int
    var height: Int
    private(set) var shapes: [Shape] = []

    init(title: String, width: Int, height: Int) {
        self.title = title
        self.width = width
        self.height = height
    }

    /// Apart for those who see red and green alike, and dark enough to print grey.
    static let palette: [(red: Int, green: Int, blue: Int)] = [
        (31, 111, 92), (217, 139, 43), (76, 111, 177), (162, 59, 94), (122, 127, 42), (107, 92, 165), (63, 154, 176),
        (138, 138, 138),
    ]

    static func color(_ index: Int) -> (red: Int, green: Int, blue: Int) { palette[index % palette.count] }

    mutating func rectangle(x: Int, y: Int, width: Int, height: Int, color: Int) {
        shapes.append(.rectangle(x: x, y: y, width: width, height: height, color: color))
    }

    mutating func line(x1: Int, y1: Int, x2: Int, y2: Int) { shapes.append(.line(x1: x1, y1: y1, x2: x2, y2: y2)) }

    mutating func text(_ text: String, x: Int, y: Int, anchor: Anchor = .start, size: Int = 11) {
        shapes.append(.text(x: x, y: y, anchor: anchor, size: size, text: text))
    }

    /// Inline SVG that carries its own words: it needs no script, and is read aloud by its title.
    var svg: String {
        let label = HTMLText.escaped(title)
        var svg = "<figure>\n<figcaption>\(label)</figcaption>\n"
        svg += "<svg viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" height=\"\(height)\" role=\"img\""
        svg += " aria-label=\"\(label)\">\n"
        for shape in shapes { svg += Self.svg(shape) }
        return svg + "</svg>\n</figure>\n"
    }

    private static func svg(_ shape: Shape) -> String {
        switch shape {
        case .rectangle(let x, let y, let width, let height, let color):
            let (red, green, blue) = Self.color(color)
            return "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" "
                + "fill=\"rgb(\(red),\(green),\(blue))\"/>\n"
        case .line(let x1, let y1, let x2, let y2):
            return "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"#8c959f\"/>\n"
        case .text(let x, let y, let anchor, let size, let text):
            return "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor.rawValue)\" font-size=\"\(size)\">"
                + "\(HTMLText.escaped(text))</text>\n"
        }
    }
}
