import Batches
import MetricsEndpoint
import Store
import TransparencyLog
import Wire

/// The aggregator's page of metrics.
enum ServiceMetrics {
    static func page(_ aggregator: Aggregator) -> MetricsPage {
        var page = MetricsPage()
        let intake = aggregator.metrics.snapshot
        page.counter(
            "wattest_entries_accepted_total", "Entries acknowledged as durable, duplicates included.",
            [MetricSample(.unsigned(intake.acceptedEntries))])
        page.counter(
            "wattest_bytes_accepted_total", "Bytes of notes and sample blocks acknowledged.",
            [MetricSample(.unsigned(intake.acceptedBytes))])
        page.counter(
            "wattest_refused_total", "Entries refused, by code.",
            Refusal.Code.allCases.map { code in
                MetricSample(["code": code.rawValue], .unsigned(intake.refused[code] ?? 0))
            })
        page.gauge("wattest_streams_open", "Agents that are connected.", [MetricSample(.integer(intake.openStreams))])
        let refusals = aggregator.handshakeRefusals
        page.counter(
            "wattest_tls_refused_total", "TLS handshakes refused on the ingest port, by reason.",
            HandshakeRefusal.allCases.map { reason in
                MetricSample(["reason": reason.rawValue], .unsigned(refusals[reason] ?? 0))
            })
        page.gauge(
            "wattest_log_checkpoint_size", "Size of the newest checkpoint of each log.",
            aggregator.organizations.map { runtime in
                MetricSample(
                    ["log": runtime.organization.origin],
                    .unsigned(runtime.feed.latest?.checkpoint.size ?? 0))
            })
        let witnesses = aggregator.organizations.flatMap { runtime in
            runtime.witnesses.status.map { (runtime.organization.origin, $0) }
        }
        page.gauge(
            "wattest_witness_cosigned_size", "Size of the newest checkpoint that each witness cosigned.",
            witnesses.map { log, course in
                MetricSample(
                    ["log": log, "witness": "\(course.witness.name)"], .unsigned(course.cosigned?.size ?? 0))
            })
        page.counter(
            "wattest_witness_failures_total", "Requests that a witness did not answer with a cosignature.",
            witnesses.map { log, course in
                MetricSample(["log": log, "witness": "\(course.witness.name)"], .unsigned(course.failures))
            })
        page.gauge(
            "wattest_log_halted", "1 for a log that signs nothing, because a witness has seen another history of it.",
            aggregator.organizations.map { runtime in
                MetricSample(
                    ["log": runtime.organization.origin], .integer(runtime.publisher.haltReason == nil ? 0 : 1))
            })
        page.gauge(
            "wattest_log_stalled", "1 for a log whose last checkpoint could not be signed or stored.",
            aggregator.organizations.map { runtime in
                MetricSample(["log": runtime.organization.origin], .integer(aggregator.isStalled(runtime) ? 1 : 0))
            })
        let served = aggregator.organizations.map { ($0.organization.origin, Int64(1)) }
        page.gauge(
            "wattest_log_served", "0 for a log that is damaged: nothing is taken for it, answered from it or signed.",
            (served + aggregator.faults.map { ($0.organization.origin, Int64(0)) }).map { log, value in
                MetricSample(["log": log], .integer(value))
            })
        return page
    }
}
