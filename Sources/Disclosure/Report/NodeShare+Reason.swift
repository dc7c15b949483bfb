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
    package var reason: String {
        let remarks = remarks
        return remarks.isEmpty ? statement : ([statement] + remarks).joined(separator: "; ")
    }

    private var statement: String {
        switch state {
        case .complete: "complete"
        case .bridged:
            "complete; \(Self.seconds(time.bridged)) s bridged: their energy is known, their course is not" + outages
        case .missing: "lower bound: \(Self.seconds(time.missing)) s held without readings" + holes
        case .absent: absence
        case .unknown: "unknown: its time in the job is not known"
        case .source: "a shared source, no node: its time is not counted"
        }
    }

    private var absence: String {
        let expected = time.missing > 0 ? "expected for \(Self.seconds(time.missing)) s" : "expected"
        if isSuperseded {
            return "\(expected), and what the log holds of it was counted before: another job or log has its readings"
        }
        let cause =
            isEnrolled
            ? "its agent has sent no batch of this job yet" : "no agent was ever enrolled under this name"
        return "\(expected), and no reading of it is in the log: \(cause)"
    }

    /// When the agent was away and its counters ran on.
    private var outages: String {
        let outages = gaps.filter { $0.kind == .outage }
        let shown = outages.prefix(Self.maximumShown).map { "its agent was away \(Self.span($0))" }
        return shown.isEmpty ? "" : " (\(shown.joined(separator: ", "))\(Self.more(outages.count)))"
    }

    /// Where the missing time lies: the parts make up the whole.
    private var holes: String {
        guard let allocated, let first = allocated.intervals.first, let last = allocated.intervals.last else {
            return ""
        }
        var holes: [String] = []
        var rest = time.missing
        if let held {
            let late = allocated.intersection(UTCInterval(start: first.start, end: held.start)).milliseconds
            let early = allocated.intersection(UTCInterval(start: held.end, end: last.end)).milliseconds
            if held.start > first.start, late > 0 {
                holes.append("its data begin \(Self.seconds(late)) s after the job")
                rest -= late
            }
            if held.end < last.end, early > 0 {
                holes.append("its data end \(Self.seconds(early)) s before the job")
                rest -= early
            }
        }
        let lost = gaps.filter { $0.kind == .missing }
        for gap in lost.prefix(Self.maximumShown) {
            holes.append("\(Self.seconds(gap.milliseconds)) s lost \(Self.span(gap))")
        }
        rest -= lost.reduce(0) { $0 &+ $1.milliseconds }
        if rest > 0, held != nil { holes.append("for \(Self.seconds(rest)) s in between it did not hold the job") }
        return holes.isEmpty ? "" : " (\(holes.joined(separator: ", "))\(Self.more(lost.count)))"
    }

    private static let maximumShown = 3

    private static func span(_ gap: GapSpan) -> String {
        "between \(TimeText.rfc3339(gap.interval.start)) and \(TimeText.rfc3339(gap.interval.end))"
    }

    private static func more(_ count: Int) -> String {
        count > maximumShown ? ", and \(count - maximumShown) more" : ""
    }

    private var remarks: [String] {
        var remarks: [String] = []
        if isUnlisted { remarks.append("the manifest does not list it") }
        guard let witness else { return remarks }
        if witness.lateBatches > 0 {
            remarks.append(
                "\(witness.lateBatches) batches came late, up to \(Self.seconds(witness.lateMicroseconds / 1000)) s")
        }
        if !witness.isRecorded, witness.letters.contains(where: { $0 != .synchronised }) {
            remarks.append("its clock was not synchronised")
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
    func writeLate(to writer: inout JSONWriter) {
        writer.name("late")
        guard let witness, witness.lateBatches > 0 else { return writer.write(.null) }
        writer.object { writer in
            writer.member("batches", integer: witness.lateBatches)
            writer.member("longest_ms", decimal: Int128(witness.lateMicroseconds / 1000))
        }
    }

    /// What the node says of its clock, and what the brackets of its anchors prove.
    func writeClock(to writer: inout JSONWriter) {
        writer.name("clock")
        guard let witness else { return writer.write(.null) }
        writer.object { writer in
            writer.member("states", text: witness.states)
            writer.member("claimed", bool: witness.isRecorded)
            writer.member("off", bool: witness.isClockOff)
            writer.member("behind_ms", decimal: Int128(witness.behindMicroseconds / 1000))
            writer.member("ahead_ms", decimal: Int128(witness.aheadMicroseconds / 1000))
        }
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
