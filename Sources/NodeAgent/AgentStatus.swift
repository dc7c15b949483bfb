import Energy
package import JSONText

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What this node's agent does now, for its operator: asked over the agent's socket, which tells it to root and to the
/// agent's own user alone, because it names everybody's jobs.
package enum AgentStatus {
    /// The largest answer; a node with more jobs or sensors than fit has their number, and the first ones.
    package static let maximumBytes = 1 << 20
    private static let maximumListed = 400

    /// Asks the agent that listens at a path.
    ///
    /// - Throws: `unavailable` when none does, `refused` when it does not tell this user.
    package static func ask(path: String) throws(AgentError) -> JSONValue {
        guard let descriptor = UnixSocket.connect(to: path) else {
            throw AgentError(
                .unavailable, "\(path): no agent runs there; start it, or give its --socket or --data-dir")
        }
        defer { close(descriptor) }
        guard UnixSocket.send(Array("status\n".utf8), to: descriptor),
            let answer = UnixSocket.line(from: descriptor, maximumBytes: maximumBytes)
        else { throw AgentError(.unavailable, "\(path): the agent closed the connection; ask again") }
        guard answer.hasPrefix("ok {"), let json = try? JSONValue(parsing: Array(answer.utf8.dropFirst(3))) else {
            throw AgentError(
                .refused, "\(path): \(answer.hasPrefix("error ") ? String(answer.dropFirst(6)) : "no status")")
        }
        return json
    }

    // MARK: Telling

    static func json(
        _ enrolment: Enrolment, _ measuring: MeasuringLoop.Status, _ uplink: UplinkStatus, _ spool: Spool,
        tenants: [TenantLog]
    ) -> JSONValue {
        [
            "node": .string(enrolment.node), "pid": .integer(getpid()),
            "started": measuring.started.map { .string(text($0)) } ?? .null,
            "log": log(enrolment.log, measuring.incarnation, chain(measuring.chain), uplink, spool),
            "last_batch_end": measuring.lastBatchUTC.map { .string(text($0)) } ?? .null,
            "boundary": .string(measuring.boundary), "faults": .decimalString(measuring.faults),
            "jobs_held": .integer(measuring.holds.count),
            "jobs": .array(measuring.holds.prefix(maximumListed).map { job($0, since: measuring.started) }),
            "sensors_found": .integer(measuring.states.count),
            "sensors": .array(
                measuring.states.prefix(maximumListed).map { state in
                    let sensor = measuring.sensors.first { $0.id == state.id }
                    return [
                        "id": .string(state.id), "layer": .string(state.layer), "state": .string(state.state),
                        "energy_uj": sensor.map { .decimalString($0.microjoules) } ?? .null,
                        "flags": .string(sensor?.flags ?? ""),
                    ]
                }),
            "tenants": .array(
                tenants.map { log($0.enrolment.log, $0.enrolment.incarnation, nil, $0.uplink.status, $0.spool) }),
        ]
    }

    private static func log(
        _ origin: String, _ incarnation: Int64, _ chain: String?, _ uplink: UplinkStatus, _ spool: Spool
    ) -> JSONValue {
        [
            "origin": .string(origin), "chain": chain.map { .string($0) } ?? .null,
            "incarnation": .decimalString(incarnation), "connected": .bool(uplink.isOpen),
            "acknowledged_seq": uplink.acknowledged[incarnation].map { .decimalString($0) } ?? .null,
            "unsettled_entries": .integer(uplink.unsettled),
            "checkpoint_size": uplink.checkpointSize.map { .decimalString($0) } ?? .null,
            "checkpoints_refused": .decimalString(uplink.checkpointFaults.values.reduce(0, +)),
            "last_checkpoint_fault": uplink.lastCheckpointFault.map { .string("\($0)") } ?? .null,
            "last_fault": uplink.lastFault.map { .string($0) } ?? .null,
            "held": .array(uplink.holds.map { .string($0) }),
            "spool": [
                "bytes": .integer(spool.byteCount), "capacity_bytes": .integer(spool.capacityBytes),
                "entries": .integer(spool.count), "pressure": .string("\(spool.pressure)"),
                "dropped_blocks": .integer(spool.droppedBlocks),
            ],
        ]
    }

    private static func chain(_ state: NodeChain.State) -> String {
        switch state {
        case .open: "open"
        case .resuming: "resuming"
        case .refused(let reason): "refused: \(reason)"
        }
    }

    private static func job(_ hold: MeasuringLoop.Status.HoldState, since started: UTCTime?) -> JSONValue {
        [
            "job": hold.job.map { .string($0) } ?? .null, "key": hold.key.map { .string($0) } ?? .null,
            "told_by": .string(hold.toldBy), "since": .string(text(hold.since)),
            "before_start": .bool(started.map { hold.since < $0 } ?? false),
            "organization": hold.tenant.map { .string($0) } ?? .null,
        ]
    }

    /// RFC 3339, to the second.
    static func text(_ time: UTCTime) -> String {
        var seconds = time_t(time.microseconds / 1_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }
}
