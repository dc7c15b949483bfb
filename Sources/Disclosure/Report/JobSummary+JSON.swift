import Accounts
import Batches
import Energy
package import JSONText

extension JobSummary {
    /// One object of `jobs[]`, which is also what `GET /jobs/{key}` answers.
    package func json(for audience: Audience = .assurer) -> JSONValue {
        let figures = figuresJSON(for: audience)
        guard !disputedExpectations.isEmpty, case .object(var object) = figures else { return figures }
        object.append("nodes_expected_by", .array(disputedExpectations.map { $0.json(for: audience) }))
        return .object(object)
    }

    private func figuresJSON(for audience: Audience) -> JSONValue {
        let key = audience.showsNames ? record?.key : nil
        return [
            "key": .text(key?.description), "cluster": .text(key?.cluster), "scheduler": .text(key?.scheduler),
            "scheduler_job_id": .text(key?.id), "attempts": .integer(attempts), "start": TimeText.json(start),
            "stop": TimeText.json(stop), "nodes_expected": nodesExpected.map { .integer($0) } ?? .null,
            "nodes_reporting": .integer(nodesReporting), "coverage": coverage ?? .null,
            "lower_bound": .bool(isLowerBound),
            "energy_uj": .decimalString(energy.total), "measured_uj": .decimalString(energy.measured),
            "idle_reserved_uj": .decimalString(idleReservedMicrojoules),
            "by_node": audience.showsNodes ? .array(nodes.map(\.json)) : .null,
            "by_component": energy.componentsJSON, "by_provenance": energy.provenancesJSON,
            "by_boundary": energy.boundariesJSON, "witnessed_by": .text(witness?.rawValue),
            "flags": .array(flags.map { .string($0) }), "pseudonym": .string(pseudonym),
            "name": .text(audience.showsNames ? record?.name : nil), "class": .string(jobClass),
            "model": .text(audience.showsNames ? model : nil), "node_ms": time.json,
            "wallclock_seconds": .integer(wallclockMilliseconds / 1000),
            "energy_mwh": Figure.megawattHours(energy.total), "activity": .text(activity),
            "run": .text(audience.showsNames ? run : nil),
            "edge_error_uj": .decimalString(nodes.reduce(Int128(0)) { $0 + $1.edgeErrorMicrojoules }),
            "attempt_windows": .array(attemptWindows.map { $0.json(for: audience) }),
            "labels": audience.showsNames ? labelsJSON : .null,
        ]
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
    func json(for audience: Audience) -> JSONValue {
        [
            "witness": .string(witness.rawValue), "by": .text(audience.showsNodes ? by : nil),
            "nodes": .integer(nodes), "entry": index.map { .decimalString($0) } ?? .null,
        ]
    }
}

extension JobSummary.NumberedAttempt {
    func json(for audience: Audience) -> JSONValue {
        [
            "attempt": .integer(number), "start": TimeText.json(attempt.start), "stop": TimeText.json(attempt.stop),
            "nodes": audience.showsNodes ? .array(attempt.nodes.sorted().map { .string($0) }) : .null,
        ]
    }
}

extension JobSummary.NodeTime {
    var json: JSONValue {
        [
            "allocated": .decimalString(allocated), "measured": .decimalString(measured),
            "bridged": .decimalString(bridged), "missing": .decimalString(missing),
        ]
    }
}

extension JobSummary.NodeShare {
    var json: JSONValue {
        let isNode = kind == .node
        let coverage = Figure.ratio(Int128(min(time.measured, time.allocated)), Int128(time.allocated))
        return [
            "node": .string(node), "energy_uj": energyMicrojoules.map { .decimalString($0) } ?? .null,
            "coverage": isNode ? coverage ?? .null : .null,
            "measured_ms": .decimalString(time.measured), "bridged_ms": .decimalString(time.bridged),
            "missing_ms": .decimalString(isNode ? time.missing : 0), "kind": .string(kind.rawValue),
            "by_boundary": EnergyBreakdown.json(Boundary.allCases.map { ($0.name, boundaries[$0]) }),
            "state": .string(state.rawValue), "reason": .string(reason), "late": lateJSON, "clock": clockJSON,
            "held": held.map { ["start": TimeText.json($0.start), "end": TimeText.json($0.end)] } ?? .null,
            "unlisted": .bool(isUnlisted), "edge_error_uj": .decimalString(edgeErrorMicrojoules),
            "edge_error_ms": .decimalString(edgeErrorMilliseconds),
        ]
    }
}

extension JSONValue {
    static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
