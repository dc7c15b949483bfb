package import JSONText

/// What an audit found: what is proved, what somebody only claims, what the evidence does not cover.
package struct AuditReport: Sendable {
    package var failure: ReplayFailure?
    /// Something was withheld, erased or deleted, so not every figure or name was checked.
    package var isPartial = false
    package var proved: [String] = []
    package var claimed: [String] = []
    package var notCovered: [String] = []
    package var counts: [(name: String, value: Int64)] = []

    package init() {}

    /// Adds to a count.
    mutating func count(_ name: String, _ value: Int64) {
        guard let place = counts.firstIndex(where: { $0.name == name }) else { return counts.append((name, value)) }
        counts[place].value += value
    }

    package var isVerified: Bool { failure == nil }
    /// Never more than what the lists below it say.
    package var verdict: String { failure != nil ? "refused" : isPartial ? "verified in part" : "verified" }

    package var json: JSONValue {
        var counts = JSONObject()
        for (name, value) in self.counts { counts.append(name, .integer(value)) }
        return [
            "verdict": .string(verdict), "failure_class": .text(failure?.failureClass.rawValue),
            "failure": failure.map { failure in
                [
                    "place": .string(failure.place), "what": .string(failure.what), "expected": .text(failure.expected),
                    "found": .text(failure.found), "step": .integer(failure.failureClass.step),
                ]
            } ?? .null,
            "partial": .bool(isPartial), "proved": .array(proved.map { .string($0) }),
            "claimed": .array(claimed.map { .string($0) }), "not_covered": .array(notCovered.map { .string($0) }),
            "counts": .object(counts),
        ]
    }

    package var text: String {
        var lines: [String] = []
        func list(_ title: String, _ items: [String]) {
            guard !items.isEmpty else { return }
            lines.append(title)
            lines += items.map { "  - \(Self.onOneLine($0))" }
        }
        lines.append("Verdict: \(verdict)")
        if let failure {
            lines.append("Failed: \(failure.failureClass.rawValue)")
            lines.append("  \(Self.onOneLine("\(failure)"))")
        }
        list("Proved:", proved)
        list("Claimed, not proved:", claimed)
        list("Not covered:", notCovered)
        return lines.joined(separator: "\n") + "\n"
    }

    /// A name or reason in the evidence could end the line and go on with a verdict of its own, or move the cursor of
    /// the terminal.
    package static func onOneLine(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
