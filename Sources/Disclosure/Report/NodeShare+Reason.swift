import Accounts
import Batches
import Energy
import JSONText

/// Why a node's part of a job is, or is not, complete.
extension JobSummary.NodeShare {
    package enum State: String, Sendable, Hashable, CaseIterable {
        case complete
        /// All of its energy is known, of some of its time not the shape.
        case bridged
        /// Some of its time was not measured.
        case missing
        /// Expected, and nothing of it is in the log.
        case absent
        /// Nobody said when the job held it.
        case unknown
        /// A shared source such as a switch, no node.
        case source
    }

    package var state: State {
        if kind == .source { return .source }
        if energyMicrojoules == nil, time.measured == 0, time.bridged == 0 { return .absent }
        if time.missing > 0 { return .missing }
        if time.allocated == 0 { return .unknown }
        return time.bridged > 0 ? .bridged : .complete
    }

    /// One sentence for a person.
    package var reason: String { ([statement] + remarks).joined(separator: "; ") }

    private var statement: String {
        switch state {
        case .complete: "complete"
        case .bridged: "complete; \(Self.seconds(time.bridged)) s bridged, their shape is not known"
        case .missing: "lower bound: \(Self.seconds(time.missing)) s held without readings" + holes
        case .absent:
            isEnrolled
                ? "expected, and nothing of it is in the log: its agent has sent nothing of this job yet"
                : "expected, and nothing of it is in the log: no agent was ever enrolled under this name"
        case .unknown: "unknown: its time in the job is not known"
        case .source: "a shared source, no node: its time is not counted"
        }
    }

    /// Where the missing time lies.
    private var holes: String {
        var holes: [String] = []
        if let held, let allocated, let first = allocated.intervals.first, let last = allocated.intervals.last {
            let late = held.start.milliseconds &- first.start.milliseconds
            let early = last.end.milliseconds &- held.end.milliseconds
            if late > 0 { holes.append("its data begin \(Self.seconds(late)) s after the job") }
            if early > 0 { holes.append("its data end \(Self.seconds(early)) s before the job") }
        }
        for gap in gaps.filter({ $0.kind == .missing }).prefix(3) {
            holes.append(
                "\(Self.seconds(gap.milliseconds)) s lost between \(TimeText.rfc3339(gap.interval.start)) and "
                    + TimeText.rfc3339(gap.interval.end))
        }
        return holes.isEmpty ? "" : " (\(holes.joined(separator: ", ")))"
    }

    private var remarks: [String] {
        var remarks: [String] = []
        if isUnlisted { remarks.append("the manifest does not list it") }
        guard let witness else { return remarks }
        if witness.lateBatches > 0 {
            remarks.append(
                "\(witness.lateBatches) batches came late, up to \(Self.seconds(witness.lateMicroseconds / 1000)) s")
        }
        if witness.behindMicroseconds > 0 {
            remarks.append("its clock is at least \(Self.seconds(witness.behindMicroseconds / 1000)) s behind")
        }
        if witness.aheadMicroseconds > 0 {
            remarks.append("its clock is at least \(Self.seconds(witness.aheadMicroseconds / 1000)) s ahead")
        }
        return remarks
    }

    private static func seconds(_ milliseconds: Int64) -> String {
        Figure.text(Int128(milliseconds), 1000, decimals: 3) ?? "\(milliseconds)"
    }

    // MARK: JSON

    /// Batches that were appended long after their interval; null when none was.
    var lateJSON: JSONValue {
        guard let witness, witness.lateBatches > 0 else { return .null }
        return [
            "batches": .integer(witness.lateBatches), "longest_ms": .decimalString(witness.lateMicroseconds / 1000),
        ]
    }

    /// What the node says of its clock, and what the brackets of its anchors prove.
    var clockJSON: JSONValue {
        guard let witness else { return .null }
        let letters = witness.letters.map(\.rawValue).sorted().joined()
        return [
            "states": .string(letters), "claimed": .bool(witness.isRecorded), "off": .bool(witness.isClockOff),
            "behind_ms": .decimalString(witness.behindMicroseconds / 1000),
            "ahead_ms": .decimalString(witness.aheadMicroseconds / 1000),
        ]
    }

    /// How far the energy can be off because the job's edges lie between two readings: what the node drew for the job
    /// in the longest gap between readings of the batch at each edge.
    var edgeErrorMicrojoules: Int128 {
        Int128(witness?.first?.microjoules ?? 0) + Int128(witness?.last?.microjoules ?? 0)
    }

    var edgeErrorMilliseconds: Int64 {
        max(witness?.first?.gapMilliseconds ?? 0, witness?.last?.gapMilliseconds ?? 0)
    }
}
