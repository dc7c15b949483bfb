import Energy
import MetricsEndpoint

/// What an agent says of itself on `/metrics`.
enum AgentMetrics {
    static func page(
        node: String, measuring: MeasuringLoop.Status, uplink: UplinkStatus, spool: Spool,
        claims: [String: [String: Int64]], tenants: [TenantLog] = []
    ) -> MetricsPage {
        var page = MetricsPage()
        page.gauge(
            "wattest_agent_info", "The agent.",
            [MetricSample(["node": node, "mode": "measure", "boundary": measuring.boundary], 1)])
        sensors(measuring, &page)
        page.counter("wattest_batches_total", "Batches signed since the start.", .integer(measuring.batches))
        page.counter("wattest_agent_faults_total", "Things that did not work.", .integer(measuring.faults))
        page.gauge("wattest_chain_incarnation", "Log index that opened the chain.", .integer(measuring.incarnation))
        if let last = measuring.lastBatchUTC {
            page.gauge(
                "wattest_last_batch_end_seconds", "End of the newest batch, Unix time.",
                .integer(last.microseconds / 1_000_000))
        }
        self.spool(spool, &page)
        self.uplink(uplink, &page)
        jobs(claims, &page)
        page.counter(
            "wattest_tenant_without_log_total",
            "Batches with jobs of an organization in whose log this node is not enrolled.",
            measuring.strangers.sorted { $0.key < $1.key }.map {
                MetricSample(["organization": $0.key], .integer($0.value))
            })
        if !tenants.isEmpty { self.tenants(tenants, &page) }
        return page
    }

    private static func tenants(_ logs: [TenantLog], _ page: inout MetricsPage) {
        page.gauge(
            "wattest_tenant_uplink_open", "Whether the aggregator of a tenant's log is connected.",
            logs.map { MetricSample(["tenant": $0.slug], $0.uplink.status.isOpen ? 1 : 0) })
        page.gauge(
            "wattest_tenant_unsettled", "Entries that a tenant's log does not hold for certain.",
            logs.map { MetricSample(["tenant": $0.slug], .integer(Int64($0.uplink.status.unsettled))) })
        page.gauge(
            "wattest_tenant_spool_bytes", "Bytes of signed entries in a tenant's spool.",
            logs.map { MetricSample(["tenant": $0.slug], .integer(Int64($0.spool.byteCount))) })
    }

    private static func sensors(_ measuring: MeasuringLoop.Status, _ page: inout MetricsPage) {
        page.counter(
            "wattest_sensor_energy_microjoules_total", "Extended counter at the end of the newest batch.",
            measuring.sensors.map {
                MetricSample(
                    ["sensor": $0.id, "layer": $0.layer, "provenance": $0.provenance], .integer($0.microjoules))
            })
        page.gauge(
            "wattest_sensor_state", "What the last reading of a sensor was: 1 at the state that it is in.",
            measuring.states.map { MetricSample(["sensor": $0.id, "layer": $0.layer, "state": $0.state], 1) })
        page.gauge(
            "wattest_source_sensors", "Sensors of each source that was looked for; the reason where there are none.",
            measuring.sources.map {
                MetricSample(["source": $0.name, "reason": $0.reason ?? ""], .integer(Int64($0.found)))
            })
        page.gauge(
            "wattest_residual_ratio", "Root less parts over root, in the newest window.",
            measuring.residuals.filter { $0.rootMicrojoules > 0 }.map {
                MetricSample(["root": $0.root], .real(Double($0.restMicrojoules) / Double($0.rootMicrojoules)))
            })
        page.gauge(
            "wattest_residual_inconsistent", "Whether the parts of a root stay above it by more than 3 %.",
            measuring.residuals.map { MetricSample(["root": $0.root], $0.isInconsistent ? 1 : 0) })
        page.gauge(
            "wattest_sensor_flagged", "Sensors with flags in the newest batch.",
            measuring.sensors.filter { !$0.flags.isEmpty }.map {
                MetricSample(["sensor": $0.id, "flags": $0.flags], 1)
            })
    }

    private static func spool(_ spool: Spool, _ page: inout MetricsPage) {
        page.gauge("wattest_spool_bytes", "Bytes of signed entries in the spool.", .integer(Int64(spool.byteCount)))
        page.gauge("wattest_spool_entries", "Entries in the spool.", .integer(Int64(spool.count)))
        page.gauge(
            "wattest_spool_pressure", "0 none, 1 drops blocks, 2 long batches, 3 hourly batches, 4 keeps one open.",
            .integer(Int64(spool.pressure.rawValue)))
        page.counter(
            "wattest_spool_dropped_blocks_total", "Sample blocks deleted under pressure.",
            .integer(Int64(spool.droppedBlocks)))
    }

    private static func uplink(_ uplink: UplinkStatus, _ page: inout MetricsPage) {
        page.gauge("wattest_uplink_open", "Whether the aggregator is connected.", uplink.isOpen ? 1 : 0)
        page.gauge(
            "wattest_uplink_unsettled", "Entries that the log does not hold for certain.",
            .integer(Int64(uplink.unsettled)))
        page.counter("wattest_uplink_sent_total", "Entries sent, repetitions too.", .integer(uplink.counters.sent))
        page.counter(
            "wattest_uplink_acknowledged_total", "Acknowledgements.", .integer(uplink.counters.acknowledged))
        page.counter("wattest_uplink_disconnects_total", "Connections ended.", .integer(uplink.counters.reconnects))
        page.counter(
            "wattest_refused_total", "Entries that the log refused.",
            uplink.counters.refused.sorted { $0.key < $1.key }.map {
                MetricSample(["code": $0.key], .integer($0.value))
            })
        page.counter(
            "wattest_checkpoint_faults_total", "Checkpoints that were not taken.",
            uplink.checkpointFaults.sorted { $0.key < $1.key }.map {
                MetricSample(["reason": $0.key], .integer($0.value))
            })
        page.gauge(
            "wattest_checkpoint_size", "Size of the newest verified checkpoint.", .unsigned(uplink.checkpointSize ?? 0))
        page.gauge(
            "wattest_chain_held", "Chains that wait for the operator.",
            uplink.holds.map { MetricSample(["reason": $0], 1) })
    }

    private static func jobs(_ claims: [String: [String: Int64]], _ page: inout MetricsPage) {
        page.gauge(
            "wattest_job_held", "Jobs that hold this node by their own claim.",
            claims.keys.sorted().map { MetricSample(["job": $0], 1) })
        let figures = claims.sorted { $0.key < $1.key }.flatMap { job, figures in
            figures.sorted { $0.key < $1.key }.map { name, value in
                MetricSample(["job": job, "name": name], .real(Double(value) / 1_000_000))
            }
        }
        page.gauge("wattest_job_progress", "What a job said of itself last.", figures)
    }
}
