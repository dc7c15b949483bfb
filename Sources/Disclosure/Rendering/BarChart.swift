/// Horizontal bars as inline SVG: text beside each bar, so that the figures survive without colour and in print.
struct BarChart {
    struct Bar {
        var label: String
        var microjoules: Int128
    }

    let title: String
    private let bars: [Bar]

    static let maximumBars = 24
    private static let rowHeight = 22
    private static let labelWidth = 190
    private static let barWidth = 300
    private static let width = 640

    /// The largest bars in the order given; the rest as one.
    init(title: String, bars: [Bar]) {
        self.title = title
        guard bars.count > Self.maximumBars else {
            self.bars = bars
            return
        }
        let kept = bars.enumerated().sorted {
            ($1.element.microjoules, $0.offset) < ($0.element.microjoules, $1.offset)
        }
        .prefix(Self.maximumBars - 1).sorted { $0.offset < $1.offset }.map(\.element)
        let total = bars.reduce(Int128(0)) { $0 + $1.microjoules }
        let shown = kept.reduce(Int128(0)) { $0 + $1.microjoules }
        self.bars = kept + [Bar(label: "\(bars.count - kept.count) others", microjoules: total - shown)]
    }

    var html: String {
        guard !bars.isEmpty else { return "" }
        let height = bars.count * Self.rowHeight + 4
        let largest = bars.map(\.microjoules).max() ?? 0
        var svg = "<figure>\n<figcaption>\(HTMLText.escaped(title))</figcaption>\n"
        svg += "<svg viewBox=\"0 0 \(Self.width) \(height)\" width=\"\(Self.width)\" height=\"\(height)\" role=\"img\""
        svg += " aria-label=\"\(HTMLText.escaped(title))\">\n"
        for (row, bar) in bars.enumerated() { svg += self.row(bar, top: row * Self.rowHeight, largest: largest) }
        return svg + "</svg>\n</figure>\n"
    }

    private func row(_ bar: Bar, top: Int, largest: Int128) -> String {
        let share = largest > 0 && bar.microjoules > 0 ? bar.microjoules * Int128(Self.barWidth) / largest : 0
        let width = bar.microjoules > 0 ? max(1, share) : 0
        let left = Self.labelWidth + 8
        let label = bar.label.count > 28 ? bar.label.prefix(27) + "…" : bar.label
        let amount = HTMLText.escaped(HTMLText.energy(bar.microjoules))
        return """
            <text x="\(Self.labelWidth)" y="\(top + 15)" text-anchor="end">\(HTMLText.escaped(label))</text>
            <rect x="\(left)" y="\(top + 3)" width="\(width)" height="16" rx="2" fill="#1f6f5c"/>
            <text x="\(left + Int(width) + 6)" y="\(top + 15)">\(amount)</text>

            """
    }
}
