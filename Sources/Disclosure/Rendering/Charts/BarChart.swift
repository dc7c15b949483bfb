/// Horizontal bars: text beside each bar, so that the figures survive without colour and in print.
struct BarChart {
    struct Bar {
        var label: String
        var microjoules: Int128
    }

    let title: String
    private let bars: [Bar]
    private let borne: BorneFigures?

    static let maximumBars = 24
    private static let rowHeight = 22
    private static let labelWidth = 190
    private static let barWidth = 300

    /// The largest bars in the order given; the rest as one.
    ///
    /// - Parameter borne: how many digits stand beside the bars.
    init(title: String, bars: [Bar], borne: BorneFigures? = nil) {
        self.title = title
        self.borne = borne
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

    /// Nil when there is nothing to show.
    var drawing: Drawing? {
        guard !bars.isEmpty else { return nil }
        var drawing = Drawing(title: title, width: 640, height: bars.count * Self.rowHeight + 4)
        let largest = bars.map(\.microjoules).max() ?? 0
        for (row, bar) in bars.enumerated() {
            let top = row * Self.rowHeight
            let share = largest > 0 && bar.microjoules > 0 ? bar.microjoules * Int128(Self.barWidth) / largest : 0
            let width = bar.microjoules > 0 ? max(1, Int(share)) : 0
            let left = Self.labelWidth + 8
            let label = bar.label.count > 30 ? bar.label.prefix(29) + "…" : bar.label
            drawing.text(String(label), x: Self.labelWidth, y: top + 15, anchor: .end)
            if width > 0 { drawing.rectangle(x: left, y: top + 3, width: width, height: 16, color: 0) }
            drawing.text(HTMLText.energy(bar.microjoules, borne: borne), x: left + width + 6, y: top + 15)
        }
        return drawing
    }
}
