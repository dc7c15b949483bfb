/// The objects of a PDF 1.7 file (ISO 32000-1): no clock, no randomness, so the same pages are the same bytes.
struct PDFFile {
    /// Of A4, in points.
    static let pageWidth = 595
    static let pageHeight = 842

    private var bytes: [UInt8] = Array(
        "%PDF-1.7\n%\u{00E2}\u{00E3}\u{00CF}\u{00D3}\n".unicodeScalars.map { UInt8($0.value) })
    private var offsets: [Int] = []

    /// - Parameters:
    ///   - pages: the content stream of each.
    ///   - title: for the reader's window.
    static func render(pages: [[UInt8]], title: String) -> [UInt8] {
        var file = PDFFile()
        // 1 catalog, 2 pages, fonts, information, then a page and its content in turn.
        let fontObjects = PDFFont.objects
        let information = 3 + fontObjects.count
        let first = information + 1
        let kids = pages.indices.map { "\(first + 2 * $0) 0 R" }.joined(separator: " ")
        file.object("<< /Type /Catalog /Pages 2 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>")
        file.object("<< /Type /Pages /Count \(pages.count) /Kids [\(kids)] >>")
        for font in fontObjects {
            let encoding = font.encoding.map { " /Encoding /\($0)" } ?? ""
            file.object("<< /Type /Font /Subtype /Type1 /BaseFont /\(font.name)\(encoding) >>")
        }
        file.object("<< /Title <\(textString(title))> >>")
        let fonts = zip(fontObjects, 3...).map { "/\($0.resource) \($1) 0 R" }.joined(separator: " ")
        for (index, content) in pages.enumerated() {
            file.object(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 \(pageWidth) \(pageHeight)] "
                    + "/Resources << /Font << \(fonts) >> >> /Contents \(first + 2 * index + 1) 0 R >>")
            file.object(
                [UInt8]("<< /Length \(content.count) >>\nstream\n".utf8) + content + [UInt8]("\nendstream".utf8))
        }
        return file.finished(information: information)
    }

    private mutating func object(_ text: String) { object([UInt8](text.utf8)) }

    private mutating func object(_ body: [UInt8]) {
        offsets.append(bytes.count)
        bytes += [UInt8]("\(offsets.count) 0 obj\n".utf8) + body + [UInt8]("\nendobj\n".utf8)
    }

    private func finished(information: Int) -> [UInt8] {
        var text = "xref\n0 \(offsets.count + 1)\n0000000000 65535 f \n"
        for offset in offsets {
            let digits = String(offset)
            text += String(repeating: "0", count: max(0, 10 - digits.utf8.count)) + digits + " 00000 n \n"
        }
        text += "trailer\n<< /Size \(offsets.count + 1) /Root 1 0 R /Info \(information) 0 R >>\n"
        text += "startxref\n\(bytes.count)\n%%EOF\n"
        return bytes + [UInt8](text.utf8)
    }

    /// A text string in hexadecimal: UTF-16 with its byte order mark, for what no font has to show.
    private static func textString(_ text: String) -> String {
        let units: [UInt16] = [0xFEFF] + Array(text.utf16)
        return units.map { unit in
            let digits = String(unit, radix: 16, uppercase: true)
            return String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }.joined()
    }

    /// The inside of a literal string.
    static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
            default: [byte]
            }
        }
    }
}
