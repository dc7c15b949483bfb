/// The two fonts that every reader of PDF has (ISO 32000-1, 9.6.2.2), with the widths of their characters, so that
/// text can be broken and set to the right without a font file.
enum PDFFont: String, CaseIterable {
    case regular = "Helvetica"
    case bold = "Helvetica-Bold"
    case fixed = "Courier"

    /// Name in the pages' resources.
    var resource: String {
        switch self {
        case .regular: "F1"
        case .bold: "F2"
        case .fixed: "F3"
        }
    }

    /// The same font by StandardEncoding, which has the marks.
    var standardResource: String {
        switch self {
        case .regular: "F4"
        case .bold: "F5"
        case .fixed: "F6"
        }
    }

    /// Greek letters, upright and in one weight.
    static let symbolResource = "F7"

    /// Every font of a file, with its name in the pages' resources; Symbol has a code of its own.
    static var objects: [(resource: String, name: String, encoding: String?)] {
        allCases.map { ($0.resource, $0.rawValue, "WinAnsiEncoding") }
            + allCases.map { ($0.standardResource, $0.rawValue, "StandardEncoding") }
            + [(symbolResource, "Symbol", nil)]
    }

    /// Advance of a WinAnsi code in thousandths of the size.
    func width(_ code: UInt8) -> Int {
        guard self != .fixed else { return 600 }
        let widths = self == .bold ? Self.boldWidths : Self.regularWidths
        switch code {
        case 32...126: return widths[Int(code) - 32]
        case 0x85: return 1000
        case 0x96, 0xB7: return code == 0xB7 ? 278 : 556
        // Letters with marks are as wide as their letters; the few others lie near this.
        case 0xC0...0xC6: return self == .bold ? 722 : 667
        case 0xE0...0xE5: return 556
        case 0xEC...0xEF: return 278
        case 0xB0: return 400
        case 0xB2, 0xB3, 0xB9: return 333
        default: return 556
        }
    }

    /// Of encoded text in points times 1,000.
    func width(_ text: [UInt8], size: Int) -> Int {
        PDFGlyph.glyphs(of: text).reduce(0) { $0 + width($1) } * size
    }

    func width(_ glyph: PDFGlyph) -> Int {
        switch glyph.kind {
        case .plain(let code): width(code)
        case .symbol(let code, _): PDFGlyph.symbolWidth(code)
        case .marked(let place): letterWidth(of: place) + (PDFGlyph.mark(of: place) == .apostrophe ? tail : 0)
        }
    }

    /// What an apostrophe beside a letter takes.
    private var tail: Int { self == .fixed ? 0 : 120 }

    /// The letter without its mark.
    static func base(of place: UInt8) -> UInt8 { latinLetters[Int(place & 0x7F)] }

    /// Advance of a letter of U+0100 to U+017F without what stands beside it.
    func letterWidth(of place: UInt8) -> Int {
        guard PDFGlyph.direct(place) == PDFGlyph.dotless else { return width(Self.base(of: place)) }
        return self == .fixed ? 600 : 278
    }

    /// Where a mark stands from the left of its letter, and how far it is raised, in thousandths.
    func offset(of mark: PDFGlyph.Mark, over place: UInt8) -> (right: Int, up: Int) {
        let (base, letter, own) = (Self.base(of: place), letterWidth(of: place), width(mark))
        if mark == .apostrophe { return (self == .fixed ? 250 : letter - 70, 0) }
        let isAtTheEnd = mark == .ogonek && "AaUu".utf8.contains(base)
        let isTall = (0x41...0x5A).contains(base) || "bdfhklt".utf8.contains(base)
        return (isAtTheEnd ? letter - own + 30 : (letter - own) / 2, isTall && !mark.isBelow ? rise : 0)
    }

    func width(_ mark: PDFGlyph.Mark) -> Int {
        switch self {
        case .fixed: 600
        case .bold: mark == .apostrophe ? 278 : 333
        case .regular: mark == .apostrophe ? 222 : 333
        }
    }

    /// From small letters to capitals.
    private var rise: Int { self == .fixed ? 136 : 190 }

    private static let regularWidths = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
        556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667,
        556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556,
        556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722,
        500, 500, 500, 334, 260, 334, 584,
    ]
    private static let boldWidths = [
        278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
        556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722,
        611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556,
        611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778,
        556, 556, 500, 389, 280, 389, 584,
    ]

    /// Bytes of text, as `PDFGlyph` reads them. Signs that the standard fonts lack become their nearest word, a few
    /// Latin letters the letter without its mark; other letters are told by their code point, since two names must not
    /// become the same marks.
    static func encode(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var isTold = false
        for scalar in text.unicodeScalars {
            let known = codes(of: scalar)
            if known == nil {
                let point = String(scalar.value, radix: 16, uppercase: true)
                bytes += Array((isTold ? " U+" : "<U+").utf8)
                bytes += Array((String(repeating: "0", count: max(0, 4 - point.utf8.count)) + point).utf8)
            } else if isTold {
                bytes.append(UInt8(ascii: ">"))
            }
            bytes += known ?? []
            isTold = known == nil
        }
        if isTold { bytes.append(UInt8(ascii: ">")) }
        return bytes
    }

    /// Whether a letter of a text stands without its mark, as two names may then look alike.
    static func losesMarks(_ text: String) -> Bool {
        text.unicodeScalars.contains { scalar in
            (0x0100...0x017F).contains(scalar.value) && codes(of: scalar)?.count == 1
                && (codes(of: scalar)?.first ?? 0) < 0x80
        }
    }

    /// Whether any character of a text can be told by its code point only.
    static func lacksLetters(_ text: String) -> Bool { text.unicodeScalars.contains { codes(of: $0) == nil } }

    private static func codes(of scalar: Unicode.Scalar) -> [UInt8]? {
        switch scalar.value {
        case 32...126, 0xA1...0xFF: [UInt8(scalar.value)]
        case 0...31, 0xA0: [32]
        // As the fonts draw it, a capital eth.
        case 0x0110: [0xD0]
        case 0x0152: [0x8C]
        case 0x0153: [0x9C]
        case 0x0160: [0x8A]
        case 0x0161: [0x9A]
        case 0x0178: [0x9F]
        case 0x017D: [0x8E]
        case 0x017E: [0x9E]
        case 0x0100...0x017F where PDFGlyph.encoded(scalar) == nil: [latinLetters[Int(scalar.value) - 0x100]]
        case 0x2026: [0x85]
        case 0x2010, 0x2011, 0x2212: [UInt8(ascii: "-")]
        case 0x2013: [0x96]
        case 0x2014: [0x97]
        case 0x2018: [0x91]
        case 0x2019: [0x92]
        case 0x201C: [0x93]
        case 0x201D: [0x94]
        case 0x20AC: [0x80]
        case 0x2022: [0x95]
        case 0x03BC: [0xB5]
        case 0x2009, 0x202F: [32]
        case 0x221A: Array("square root of ".utf8)
        case 0x2248: Array("about ".utf8)
        case 0x2264: Array("<=".utf8)
        case 0x2265: Array(">=".utf8)
        case 0x2080...0x2089: [UInt8(scalar.value - 0x2080) + UInt8(ascii: "0")]
        default: PDFGlyph.encoded(scalar)
        }
    }

    /// U+0100 to U+017F without their marks.
    private static let latinLetters = [UInt8](
        ("AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNn"
            + "OoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs").utf8)
}
