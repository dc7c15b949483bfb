import ArgumentParser
import Emissions

/// A decimal as it was published, exact: `449.06`, `3.14e23`.
struct Decimal: ExpressibleByArgument, Equatable {
    let figure: DecimalFigure

    init(_ figure: DecimalFigure) { self.figure = figure }

    init?(argument: String) {
        guard let figure = try? DecimalFigure(parsing: argument) else { return nil }
        self.figure = figure
    }
}

/// `0.43` or `0.43..1.46`.
struct DecimalSpan: ExpressibleByArgument, Equatable {
    let low: DecimalFigure
    let high: DecimalFigure

    init?(argument: String) {
        let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
        // Two points in a row part the ends; a single one belongs to a figure.
        guard let gap = parts.firstIndex(where: \.isEmpty) else {
            guard let figure = try? DecimalFigure(parsing: argument) else { return nil }
            (low, high) = (figure, figure)
            return
        }
        let ends = [parts[..<gap].joined(separator: "."), parts[(gap + 1)...].joined(separator: ".")]
        guard let low = try? DecimalFigure(parsing: ends[0]), let high = try? DecimalFigure(parsing: ends[1]),
            low <= high
        else { return nil }
        self.low = low
        self.high = high
    }
}

/// `10,20,30` or `10;20;30`.
struct DecimalList: ExpressibleByArgument, Equatable {
    let figures: [DecimalFigure]

    init?(argument: String) {
        let words = argument.split(whereSeparator: { $0 == "," || $0 == ";" })
        let figures = words.compactMap { try? DecimalFigure(parsing: $0.filter { $0 != " " }) }
        guard !figures.isEmpty, figures.count == words.count else { return nil }
        self.figures = figures
    }
}
