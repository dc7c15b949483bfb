/// Columns over time, each stacked of the same parts, with a scale and the names of the parts.
struct StackedChart {
    struct Part {
        var name: String
        /// As many as there are columns, in milliwatts.
        var values: [Int128]
    }

    let title: String
    /// Beneath the columns; empty ones are left out.
    var labels: [String]
    var parts: [Part]

    private static let width = 640
    private static let left = 64
    private static let top = 10
    private static let plotHeight = 170
    private static let maximumParts = 8
    private static let legendColumns = 3

    /// The largest parts; the rest as one.
    init(title: String, labels: [String], parts: [Part]) {
        self.title = title
        self.labels = labels
        let ordered = parts.enumerated().map { ($0.offset, $0.element, $0.element.values.reduce(0, +)) }
            .filter { $0.2 != 0 }.sorted { ($1.2, $0.0) < ($0.2, $1.0) }
        guard ordered.count > Self.maximumParts else {
            self.parts = ordered.map(\.1)
            return
        }
        let kept = ordered.prefix(Self.maximumParts - 1).map(\.1)
        let rest = ordered.dropFirst(Self.maximumParts - 1)
        let sums = labels.indices.map { column in
            rest.reduce(Int128(0)) { $0 + ($1.1.values.indices.contains(column) ? $1.1.values[column] : 0) }
        }
        self.parts = kept + [Part(name: "\(rest.count) others", values: sums)]
    }

    /// Nil when there is nothing to show.
    var drawing: Drawing? {
        let totals = labels.indices.map { column in
            parts.reduce(Int128(0)) { $0 + max(0, $1.values.indices.contains(column) ? $1.values[column] : 0) }
        }
        guard let highest = totals.max(), highest > 0 else { return nil }
        let scale = Self.scale(above: highest)
        let legendRows = (parts.count + Self.legendColumns - 1) / Self.legendColumns
        let height = Self.top + Self.plotHeight + 26 + legendRows * 18 + 4
        var drawing = Drawing(title: title, width: Self.width, height: height)
        axis(scale, &drawing)
        columns(scale, &drawing)
        legend(&drawing)
        return drawing
    }

    /// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
    private static func scale(above value: Int128) -> Int128 {
        var power: Int128 = 1
        while power * 10 <= value { power *= 10 }
        for step: Int128 in [10, 20, 25, 50, 100] where power * step / 10 >= value { return power * step / 10 }
        return power * 10
    }

    /// The unit in which the top of the scale has one to three digits before the point.
    private static func unit(of scale: Int128) -> (name: String, milliwatts: Int128) {
        let units: [(name: String, milliwatts: Int128)] = [
            ("MW", 1_000_000_000), ("kW", 1_000_000), ("W", 1000), ("mW", 1),
        ]
        return units.first { scale >= $0.milliwatts } ?? units[3]
    }

    private func axis(_ scale: Int128, _ drawing: inout Drawing) {
        let unit = Self.unit(of: scale)
        for step in 0...4 {
            let y = Self.top + Self.plotHeight - Self.plotHeight * step / 4
            drawing.line(x1: Self.left, y1: y, x2: Self.width, y2: y)
            let value = Figure.text(scale * Int128(step), 4 * unit.milliwatts, decimals: 3) ?? ""
            drawing.text("\(value) \(unit.name)", x: Self.left - 6, y: y + 4, anchor: .end, size: 10)
        }
    }

    private func columns(_ scale: Int128, _ drawing: inout Drawing) {
        let room = Self.width - Self.left
        let count = labels.count
        // A single column is no wall: wide charts keep their proportions with few.
        let pitch = min(72, room / max(1, count))
        let every = max(1, (60 + pitch - 1) / max(1, pitch))
        for column in 0..<count {
            let x = Self.left + (count * pitch <= room && pitch < 72 ? room * column / count : pitch * column) + 1
            let width = max(1, (pitch < 72 ? room * (column + 1) / count - room * column / count : pitch) - 2)
            var below: Int128 = 0
            for (index, part) in parts.enumerated() where part.values.indices.contains(column) {
                let value = max(0, part.values[column])
                let bottom = Int(below * Int128(Self.plotHeight) / scale)
                below += value
                let top = Int(below * Int128(Self.plotHeight) / scale)
                guard top > bottom else { continue }
                drawing.rectangle(
                    x: x, y: Self.top + Self.plotHeight - top, width: width, height: top - bottom, color: index)
            }
            if column % every == 0, !labels[column].isEmpty {
                drawing.text(labels[column], x: x, y: Self.top + Self.plotHeight + 15, size: 10)
            }
        }
    }

    private func legend(_ drawing: inout Drawing) {
        for (index, part) in parts.enumerated() {
            let x = Self.left + index % Self.legendColumns * 190
            let y = Self.top + Self.plotHeight + 26 + index / Self.legendColumns * 18
            drawing.rectangle(x: x, y: y, width: 10, height: 10, color: index)
            drawing.text(String(part.name.prefix(26)), x: x + 15, y: y + 9)
        }
    }
}
