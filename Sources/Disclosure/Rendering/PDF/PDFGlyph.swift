/// One character of encoded text.
///
/// The standard fonts have no file to take more letters from, and every reader has them: what their WinAnsi codes lack
/// is put together from what they hold. A letter with a mark is the letter with the mark set over it, a Greek one is of
/// the font Symbol. In the bytes such a character is an escape below every code, then one byte that is no space.
struct PDFGlyph: Hashable {
    enum Kind: Hashable {
        /// A WinAnsi code.
        case plain(UInt8)
        /// U+0100 to U+017F, by its place from there.
        case marked(UInt8)
        /// A code of the font Symbol.
        case symbol(UInt8, hasAccent: Bool)
    }

    let kind: Kind
    /// How many bytes it takes.
    let count: Int

    private static let markedEscape: UInt8 = 1
    private static let symbolEscape: UInt8 = 2
    private static let accentedEscape: UInt8 = 3

    /// The first character of encoded text that is not empty.
    init(of bytes: ArraySlice<UInt8>) {
        let first = bytes[bytes.startIndex]
        let next = bytes.dropFirst().first ?? 0
        switch first {
        case Self.markedEscape: kind = .marked(next & 0x7F)
        case Self.symbolEscape: kind = .symbol(next, hasAccent: false)
        case Self.accentedEscape: kind = .symbol(next, hasAccent: true)
        default: kind = .plain(first)
        }
        if case .plain = kind { count = 1 } else { count = min(2, bytes.count) }
    }

    static func glyphs(of bytes: [UInt8]) -> [PDFGlyph] {
        var rest = bytes[...]
        var glyphs: [PDFGlyph] = []
        while !rest.isEmpty {
            let glyph = PDFGlyph(of: rest)
            glyphs.append(glyph)
            rest = rest.dropFirst(glyph.count)
        }
        return glyphs
    }

    // MARK: Encoding

    /// Bytes of a letter that is put together; nil for any other scalar.
    static func encoded(_ scalar: Unicode.Scalar) -> [UInt8]? {
        switch scalar.value {
        case 0x0218...0x021B:
            // The comma below of Romanian, which the fonts have as a cedilla; it is copied out as one.
            return [markedEscape, 0x80 | [0x5E, 0x5F, 0x62, 0x63][Int(scalar.value - 0x0218)]]
        case 0x0100...0x017F:
            let place = UInt8(scalar.value - 0x0100)
            return mark(of: place) == nil && direct(place) == nil ? nil : [markedEscape, 0x80 | place]
        default:
            if let code = greek[scalar] { return [symbolEscape, code] }
            return accentedGreek[scalar].flatMap { greek[$0] }.map { [accentedEscape, $0] }
        }
    }

    // MARK: Latin letters

    /// Codes of StandardEncoding.
    enum Mark: UInt8 {
        case acute = 0xC2
        case circumflex = 0xC3
        case tilde = 0xC4
        case macron = 0xC5
        case breve = 0xC6
        case dot = 0xC7
        case ring = 0xCA
        case cedilla = 0xCB
        case doubleAcute = 0xCD
        case ogonek = 0xCE
        case caron = 0xCF
        /// The caron of a tall letter is an apostrophe beside it.
        case apostrophe = 0x27

        var isBelow: Bool { self == .cedilla || self == .ogonek }
    }

    static func mark(of place: UInt8) -> Mark? { marks[Int(place & 0x7F)] }

    /// A letter that the fonts hold whole, or the form of it that takes a mark, by its code in StandardEncoding.
    static func direct(_ place: UInt8) -> UInt8? {
        switch place {
        case 0x29, 0x2B, 0x2D, 0x31: dotless
        case 0x41: 0xE8
        case 0x42: 0xF8
        default: nil
        }
    }

    /// An i that leaves room for a mark.
    static let dotless: UInt8 = 0xF5

    private static let markLetters: [Character: Mark] = [
        "a": .acute, "c": .circumflex, "t": .tilde, "m": .macron, "b": .breve, "d": .dot, "r": .ring, "s": .cedilla,
        "h": .doubleAcute, "o": .ogonek, "v": .caron, "q": .apostrophe,
    ]

    /// Of U+0100 to U+017F; a letter whose mark the fonts lack has none.
    private static let marks: [Mark?] =
        ("mmbbooaaccddvvvq--mmbbddoovvccbbdds-cc--ttmmbboo" + "d---ccss-aassqq---" + "-aassvv---mmbbhh--aassvvaaccss"
        + "--ssvq--ttmmbbrrhhoocccc-aadd---").map { markLetters[$0] }

    // MARK: Greek letters

    private static let greek = Dictionary(
        uniqueKeysWithValues: zip(
            "ΑΒΧΔΕΦΓΗΙΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηικλνοπθρστυωξψζ".unicodeScalars,
            "ABCDEFGHIKLMNOPQRSTUVWXYZabcdefghiklnopqrstuwxyz".utf8))

    private static let accentedGreek = Dictionary(
        uniqueKeysWithValues: zip("ΆΈΉΊΌΎΏάέήίόύώ".unicodeScalars, "ΑΕΗΙΟΥΩαεηιουω".unicodeScalars))

    /// Advances of Symbol's letters from A to Z and from a to z in thousandths.
    static func symbolWidth(_ code: UInt8) -> Int {
        switch code {
        case 0x41...0x5A: capitals[Int(code) - 0x41]
        case 0x61...0x7A: smalls[Int(code) - 0x61]
        default: 600
        }
    }

    private static let capitals = [
        722, 667, 722, 612, 611, 763, 603, 722, 333, 631, 722, 686, 889, 722, 722, 768, 741, 556, 592, 611, 690, 439,
        768, 645, 795, 611,
    ]
    private static let smalls = [
        631, 549, 549, 494, 439, 521, 411, 603, 329, 603, 549, 549, 576, 521, 549, 549, 521, 549, 603, 439, 576, 713,
        686, 493, 686, 494,
    ]
}
