import Accounts
import Batches
import Energy
package import JSONText

extension JobSummary {
    /// One object of `jobs[]`, which is also what `GET /jobs/{key}` answers.
    package func json(for audience: Audience = .assurer) -> JSONValue {
        JSONValue.written { write(to: &$0, for: audience, borne: nil) }
    }

    /// The same, written.
    package func write(to writer: inout JSONWriter) { write(to: &writer, for: .assurer, borne: nil) }

    /// - Parameter borne: how many figures the report's uncertainty bears; nil outside of reports.
    func write(to writer: inout JSONWriter, for audience: Audience, borne: BorneFigures?) {
        writer.object { writer in
            writeIdentity(to: &writer, audience)
            writeEnergy(to: &writer, audience)
            writeDescription(to: &writer, audience, borne)
            guard !disputedExpectations.isEmpty else { return }
            writer.name("nodes_expected_by")
            writer.list(disputedExpectations) { $1.write(to: &$0, for: audience) }
        }
    }

    private func writeIdentity(to writer: inout JSONWriter, _ audience: Audience) {
        let key = audience.showsNames ? record?.key : nil
        writer.member("key", text: key?.description)
        writer.member("cluster", text: key?.cluster)
        writer.member("scheduler", text: key?.scheduler)
        writer.member("scheduler_job_id", text: key?.id)
        writer.member("attempts", integer: attempts)
        writer.member("start", time: start)
        writer.member("stop", time: stop)
        writer.member("nodes_expected", integer: nodesExpected)
        writer.member("nodes_reporting", integer: nodesReporting)
        writer.member("coverage", coverage ?? .null)
        writer.member("lower_bound", bool: isLowerBound)
    }

    private func writeEnergy(to writer: inout JSONWriter, _ audience: Audience) {
        writer.member("energy_uj", decimal: energy.total)
        writer.member("measured_uj", decimal: energy.measured)
        writer.member("idle_reserved_uj", decimal: idleReservedMicrojoules)
        writer.name("by_node")
        if audience.showsNodes { writer.list(nodes) { $1.write(to: &$0) } } else { writer.write(.null) }
        energy.writeParts(to: &writer)
        writer.member("witnessed_by", text: witness?.rawValue)
        writer.name("flags")
        writer.list(flags) { $0.write($1) }
    }

    private func writeDescription(to writer: inout JSONWriter, _ audience: Audience, _ borne: BorneFigures?) {
        let megawattHours = Figure.megawattHours(energy.total)
        writer.member("pseudonym", text: pseudonym)
        writer.member("name", text: audience.showsNames ? record?.name : nil)
        writer.member("class", text: jobClass)
        writer.member("model", text: audience.showsNames ? model : nil)
        writer.name("node_ms")
        time.write(to: &writer)
        writer.member("wallclock_seconds", integer: wallclockMilliseconds / 1000)
        writer.member("energy_mwh", borne?.figure(megawattHours) ?? megawattHours)
        writer.member("activity", text: activity)
        writer.member("run", text: audience.showsNames ? run : nil)
        writer.member("edge_error_uj", decimal: nodes.reduce(Int128(0)) { $0 + $1.edgeErrorMicrojoules })
        writer.name("attempt_windows")
        writer.list(attemptWindows) { $1.write(to: &$0, for: audience) }
        writer.member("labels", audience.showsNames ? labelsJSON : .null)
    }

    /// Who said what the job was for; a label without an entry is the job's own.
    private var labelsJSON: JSONValue {
        .array(
            labels.sorted { $0.key < $1.key }.map { name, label in
                [
                    "name": .string(name), "value": .string(label.value), "by": .text(label.setting?.by ?? "job"),
                    "reason": .text(label.setting?.reason), "at": TimeText.json(label.setting?.time),
                    "entry": label.setting.map { .decimalString($0.index) } ?? .null,
                ]
            })
    }

    /// measured / allocated; nil when nobody said how many nodes there should be.
    package var coverage: JSONValue? {
        guard nodesExpected != nil else { return nil }
        return Figure.ratio(Int128(min(time.measured, time.allocated)), Int128(time.allocated))
    }

    /// Why a figure of this object is null.
    func missing(for audience: Audience) -> [(field: String, reason: String)] {
        var missing: [(String, String)] = []
        let place = "jobs[\(pseudonym)]"
        if audience.showsNames, record == nil {
            missing.append(("\(place).key", "the job's record is erased or withheld; the log holds its commitment"))
        }
        if nodesExpected == nil {
            missing.append(
                ("\(place).coverage", "nobody said how many nodes the job runs on; give --expect-nodes or a manifest"))
        }
        return missing
    }
}

extension JobRegister.Expectation {
    fileprivate func write(to writer: inout JSONWriter, for audience: Audience) {
        writer.object { writer in
            writer.member("witness", text: witness.rawValue)
            writer.member("by", text: audience.showsNodes ? by : nil)
            writer.member("nodes", integer: nodes)
            writer.member("entry", decimal: index.map { Int128($0) })
        }
    }
}

extension JobSummary.NumberedAttempt {
    fileprivate func write(to writer: inout JSONWriter, for audience: Audience) {
        writer.object { writer in
            writer.member("attempt", integer: number)
            writer.member("start", time: attempt.start)
            writer.member("stop", time: attempt.stop)
            writer.name("nodes")
            guard audience.showsNodes else { return writer.write(.null) }
            writer.list(attempt.nodes.sorted()) { $0.write($1) }
        }
    }
}

extension JobSummary.NodeTime {
    var json: JSONValue { JSONValue.written { write(to: &$0) } }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("allocated", decimal: Int128(allocated))
            writer.member("measured", decimal: Int128(measured))
            writer.member("bridged", decimal: Int128(bridged))
            writer.member("missing", decimal: Int128(missing))
        }
    }
}

extension JobSummary.NodeShare {
    var json: JSONValue { JSONValue.written { write(to: &$0) } }

    func write(to writer: inout JSONWriter) {
        let isNode = kind == .node
        let coverage = Figure.ratio(Int128(min(time.measured, time.allocated)), Int128(time.allocated))
        writer.object { writer in
            writer.member("node", text: node)
            writer.member("energy_uj", decimal: energyMicrojoules)
            writer.member("coverage", isNode ? coverage ?? .null : .null)
            writer.member("measured_ms", decimal: Int128(time.measured))
            writer.member("bridged_ms", decimal: Int128(time.bridged))
            writer.member("missing_ms", decimal: isNode ? Int128(time.missing) : 0)
            writer.member("kind", text: kind.rawValue)
            writer.name("by_boundary")
            EnergyBreakdown.write(boundaries, to: &writer) { $0.name }
            writer.member("state", text: state.rawValue)
            writer.member("reason", text: reason)
            writeLate(to: &writer)
            writeClock(to: &writer)
            writer.name("held")
            if let held {
                writer.object { writer in
                    writer.member("start", time: held.start)
                    writer.member("end", time: held.end)
                }
            } else {
                writer.write(.null)
            }
            writer.member("unlisted", bool: isUnlisted)
            writer.member("edge_error_uj", decimal: edgeErrorMicrojoules)
            writer.member("edge_error_ms", decimal: Int128(edgeErrorMilliseconds))
        }
    }
}

extension JSONWriter {
    mutating func member(_ name: StaticString, time: UTCTime?) {
        member(name, text: time.map { TimeText.rfc3339($0) })
    }
}

extension JSONValue {
    /// What a writer writes, as a value.
    static func written(_ body: (inout JSONWriter) -> Void) -> JSONValue {
        var writer = JSONWriter(.compact)
        body(&writer)
        // It wrote one value, whose names differ.
        return (try? JSONValue(parsing: writer.text)) ?? .null
    }

    static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
