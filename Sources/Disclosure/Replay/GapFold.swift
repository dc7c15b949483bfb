package import Accounts
import Energy

/// Gaps, joined where one begins when the one before it ended, so that a sensor that is slow for a year is one gap.
///
/// The result is the same in whatever order the parts come.
package struct GapFold: Sendable, Codable {
    fileprivate struct Line: Hashable, Sendable, Codable {
        var node: String
        var kind: GapSpan.Kind
        var job: String?
    }

    fileprivate struct Span: Sendable, Codable {
        var interval: UTCInterval
        var milliseconds: Int64
        var index: Int64
    }

    private var lines: [Line: [Span]] = [:]

    package init() {}

    package init(_ gaps: some Sequence<Ledger.Gap>) {
        for gap in gaps { add(gap) }
    }

    package mutating func add(_ gap: Ledger.Gap) {
        let line = Line(node: gap.node, kind: gap.span.kind, job: gap.span.job)
        let span = Span(interval: gap.span.interval, milliseconds: gap.span.milliseconds, index: gap.index)
        // Chains tile time, so the common case touches the last one.
        var spans = lines.removeValue(forKey: line) ?? []
        if let last = spans.indices.last, spans[last].interval.end == span.interval.start {
            spans[last].join(span)
        } else {
            spans.append(span)
        }
        lines[line] = spans
    }

    /// By node, start and kind.
    package var gaps: [Ledger.Gap] {
        var gaps: [Ledger.Gap] = []
        for (line, spans) in lines {
            for span in Self.joined(spans) {
                let gap = GapSpan(
                    interval: span.interval, kind: line.kind, milliseconds: span.milliseconds, job: line.job)
                gaps.append(Ledger.Gap(node: line.node, span: gap, index: span.index))
            }
        }
        return gaps.sorted {
            ($0.node, $0.span.interval.start, $0.span.kind.rawValue, $0.span.job ?? "", $0.index)
                < ($1.node, $1.span.interval.start, $1.span.kind.rawValue, $1.span.job ?? "", $1.index)
        }
    }

    private static func joined(_ spans: [Span]) -> [Span] {
        var joined: [Span] = []
        for span in spans.sorted(by: { ($0.interval.start, $0.interval.end) < ($1.interval.start, $1.interval.end) }) {
            if let last = joined.last, span.interval.start <= last.interval.end {
                joined[joined.count - 1].join(span)
            } else {
                joined.append(span)
            }
        }
        return joined
    }
}

extension GapFold.Span {
    fileprivate mutating func join(_ other: GapFold.Span) {
        interval = UTCInterval(
            start: min(interval.start, other.interval.start), end: max(interval.end, other.interval.end))
        milliseconds &+= other.milliseconds
        index = min(index, other.index)
    }
}
