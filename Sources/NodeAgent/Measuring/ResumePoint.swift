import Energy
import JSONText

/// What the next start of the agent needs to go on behind a batch, beside the batch itself: the hardware's raw values,
/// so that an outage of the agent loses time resolution and no energy, and who held the node.
package struct ResumePoint: Sendable, Hashable {
    /// Boot id of the node; raw values mean nothing after another boot.
    package var boot: String
    package var continuations: [SensorTrack.Continuation]
    /// nil in what an agent left that did not keep it.
    package var heldAtEnd: HeldAtEnd?
    /// What was cut from the batch for tenants.
    var extracts: [StagedExtract]

    package init(boot: String, continuations: [SensorTrack.Continuation], heldAtEnd: HeldAtEnd? = nil) {
        self.init(boot: boot, continuations: continuations, heldAtEnd: heldAtEnd, extracts: [])
    }

    init(
        boot: String, continuations: [SensorTrack.Continuation], heldAtEnd: HeldAtEnd?, extracts: [StagedExtract]
    ) {
        self.boot = boot
        self.continuations = continuations
        self.heldAtEnd = heldAtEnd
        self.extracts = extracts
    }

    package var bytes: [UInt8] {
        let sensors = continuations.map { state -> JSONValue in
            [
                "id": .string(state.id), "epoch": .decimalString(state.epoch),
                "uj": .decimalString(state.microjoules),
                "raw": state.raw.map { .string("\($0)") } ?? .null, "ns": .decimalString(state.nanoseconds),
                "extended_uj": .decimalString(state.extendedMicrojoules),
            ]
        }
        var point = JSONObject()
        point.append("boot", .string(boot))
        point.append("sensors", .array(sensors))
        if let heldAtEnd { point.append("held", heldAtEnd.json) }
        if !extracts.isEmpty { point.append("extracts", .array(extracts.map(\.json))) }
        return JSONValue.object(point).rendered()
    }

    /// nil when the bytes are not a resume point: the counters then begin new epochs.
    package init?(bytes: [UInt8]) {
        guard let json = try? JSONValue(parsing: bytes), let boot = json["boot"]?.string,
            let sensors = json["sensors"]?.array
        else { return nil }
        self.boot = boot
        continuations = []
        heldAtEnd = json["held"].flatMap { HeldAtEnd($0) }
        extracts = (json["extracts"]?.array ?? []).compactMap { StagedExtract($0) }
        for sensor in sensors {
            guard let id = sensor["id"]?.string, let epoch = sensor["epoch"]?.decimalString,
                let microjoules = sensor["uj"]?.decimalString, let nanoseconds = sensor["ns"]?.decimalString,
                let extended = sensor["extended_uj"]?.decimalString
            else { return nil }
            continuations.append(
                SensorTrack.Continuation(
                    id: id, epoch: epoch, microjoules: microjoules, raw: sensor["raw"]?.string.flatMap { UInt64($0) },
                    nanoseconds: nanoseconds, extendedMicrojoules: extended))
        }
    }
}
