package import JSONText

/// Breaking text into lines of a width.
enum PDFText {
    /// Breaks at spaces; a word that no line holds breaks at its joints, and only then inside.
    static func lines(_ text: String, font: PDFFont, size: Int, width: Int) -> [[UInt8]] {
        let room = max(1, width) * 1000
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        func fits(_ bytes: [UInt8]) -> Bool { font.width(bytes, size: size) <= room }
        for word in PDFFont.encode(text).split(separator: 32) {
            for (index, piece) in pieces(Array(word), fits: fits).enumerated() {
                let joint: [UInt8] = line.isEmpty || index > 0 ? [] : [32]
                if index == 0, fits(line + joint + piece) {
                    line += joint + piece
                } else if index > 0, fits(line + piece) {
                    line += piece
                } else {
                    if !line.isEmpty { lines.append(line) }
                    line = piece
                }
            }
        }
        if !line.isEmpty || lines.isEmpty { lines.append(line) }
        return lines
    }

    private static func pieces(_ word: [UInt8], fits: ([UInt8]) -> Bool) -> [[UInt8]] {
        guard !fits(word) else { return [word] }
        var pieces: [[UInt8]] = []
        var piece: [UInt8] = []
        var rest = word[...]
        while let first = rest.first {
            let bytes = rest.prefix(PDFGlyph(of: rest).count)
            rest = rest.dropFirst(bytes.count)
            if !piece.isEmpty, !fits(piece + bytes) {
                pieces.append(piece)
                piece = []
            }
            piece += bytes
            if "/@_.-:".utf8.contains(first) {
                pieces.append(piece)
                piece = []
            }
        }
        return piece.isEmpty ? pieces : pieces + [piece]
    }
}

/// A disclosure as a printed document. It is rendered from the JSON: the same bytes give the same file.
package enum DisclosurePDF {
    /// - Parameters:
    ///   - disclosure: the body, not the wrapper in which it was issued.
    ///   - issued: that wrapper; nil for a report that was not issued.
    package static func render(_ disclosure: JSONValue, issued: JSONValue? = nil) -> [UInt8] {
        var page = DisclosurePage(disclosure, issued: issued)
        let text = String(decoding: disclosure.rendered(), as: UTF8.self) + page.lines.joined()
        if let last = page.sections.indices.last {
            page.sections[last].blocks += notes(on: text).map { .note($0) }
        }
        return PDFFile.render(
            pages: PDFLayout.pages(of: page), title: "\(page.title): \(page.organization)")
    }

    /// What the file does not show as it is written.
    private static func notes(on text: String) -> [String] {
        var notes: [String] = []
        if PDFFont.lacksLetters(text) {
            notes.append(
                "Letters that the fonts of this file lack are told by their Unicode code points, <U+0416> for one; the"
                    + " HTML form shows them.")
        }
        if PDFFont.losesMarks(text) {
            notes.append(
                "Some letters stand without their marks, which the fonts of this file lack; the HTML form shows them.")
        }
        return notes
    }
}
