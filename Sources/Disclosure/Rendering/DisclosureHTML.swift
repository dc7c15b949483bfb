package import JSONText

/// A disclosure as one page that prints, needs no script and no network, and explains itself.
///
/// It is rendered from the JSON: the same bytes give the same page.
package struct DisclosureHTML: Sendable {
    /// - Parameters:
    ///   - disclosure: the body, not the wrapper in which it was issued.
    ///   - issued: that wrapper; nil for a report that was not issued.
    package static func render(_ disclosure: JSONValue, issued: JSONValue? = nil) -> [UInt8] {
        Array(page(DisclosurePage(disclosure, issued: issued)).utf8)
    }

    private static func page(_ page: DisclosurePage) -> String {
        let name = HTMLText.escaped(page.organization)
        let sections = page.sections.map { section in
            HTMLText.section(HTMLText.escaped(section.title), section.blocks.map(html).joined())
        }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(HTMLText.escaped(page.title)): \(name)</title>
            <style>\(style)</style>
            </head>
            <body>
            <header>
            <h1>\(HTMLText.escaped(page.title))</h1>
            <p class="who">\(name)</p>
            <p>\(page.lines.map { HTMLText.escaped($0) }.joined(separator: "<br>"))</p>
            </header>
            \(sections.joined())</body>
            </html>

            """
    }

    private static func html(_ block: DisclosurePage.Block) -> String {
        switch block {
        case .paragraph(let text): return HTMLText.paragraph(HTMLText.escaped(text))
        case .note(let text): return "<p class=\"note\">\(HTMLText.escaped(text))</p>\n"
        case .subheading(let text): return "<h3>\(breakable(text))</h3>\n"
        case .list(let items): return HTMLText.list(items.map { HTMLText.escaped($0) })
        case .code(let text): return "<pre>\(HTMLText.escaped(text))</pre>\n"
        case .drawing(let drawing): return drawing.svg
        case .tiles(let tiles):
            let body = tiles.map {
                "<div><dt>\(HTMLText.escaped($0.name))</dt><dd>\(HTMLText.escaped($0.value))</dd></div>\n"
            }
            return "<dl>\n\(body.joined())</dl>\n"
        case .table(let table):
            return HTMLText.table(
                table.head.map { HTMLText.escaped($0) }, table.rows.map { $0.map(cell) }, numeric: table.numeric,
                widths: table.widths)
        }
    }

    private static func cell(_ text: String) -> String {
        if text == "does not hold" { return "<span class=\"bad\">does not hold</span>" }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { breakable(String($0)) }
            .joined(separator: "<br>")
    }

    /// Names may break at their own joints, and nowhere inside of a word.
    private static func breakable(_ text: String) -> String {
        var html = ""
        for character in text {
            html += HTMLText.escaped(String(character))
            if "/@_.".contains(character) { html += "<wbr>" }
        }
        return html
    }

    private static let style = """
        :root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;color:#1b1f23;background:#fff;max-width:60rem;
        margin:2rem auto;padding:0 1rem}h1{font-size:1.7rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem;
        border-bottom:1px solid #d0d7de}h3{font-size:1rem;margin:1.2rem 0 .3rem}.who{font-size:1.2rem;margin:.2rem 0}
        table{border-collapse:collapse;width:100%;font-size:.85em;margin:.5rem 0}th,td{text-align:left;
        padding:.25rem .5rem;border-bottom:1px solid #e3e7eb;vertical-align:top;overflow-wrap:break-word}
        th{background:#f6f8fa}.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
        dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;margin:1rem 0}
        dl div{border:1px solid #d0d7de;border-radius:6px;padding:.6rem}dt{font-size:.8rem;color:#57606a}
        dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}figure{margin:1rem 0}
        figcaption{font-weight:600}svg{max-width:100%;height:auto;font-family:system-ui,sans-serif}
        pre{background:#f6f8fa;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem}
        .bad{color:#a40e26;font-weight:600}.note{color:#57606a;font-size:.85rem}
        @media(max-width:40rem){table{display:block;overflow-x:auto}}
        @media print{@page{size:A4;margin:16mm}body{max-width:none;margin:0;padding:0;font-size:11px;
        print-color-adjust:exact;-webkit-print-color-adjust:exact}dl{grid-template-columns:repeat(3,1fr)}
        tr,figure,dl div{break-inside:avoid}thead{display:table-header-group}h2,h3,figcaption{break-after:avoid}
        td.n{white-space:normal}}
        """
}
