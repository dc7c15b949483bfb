package import HTTPEdge
import HTTPTypes
package import Hummingbird
import MetricsEndpoint
import TransparencyLog

/// The HTTP interface of a witness (C2SP tlog-witness): `add-checkpoint`, and what monitors read.
package struct WitnessRoutes: Sendable {
    private let service: WitnessService

    package init(_ service: WitnessService) { self.service = service }

    package func router() -> Router<EdgeContext> {
        let router = HTTPSServer.makeRouter()
        let service = service
        router.post("/add-checkpoint") { request, context in
            let body = try await request.bytes(max: AddCheckpointRequest.maximumByteCount)
            let answer = await service.addCheckpoint(body, from: context.remoteAddress)
            return Response(
                status: HTTPResponse.Status(code: answer.status), type: answer.contentType, bytes: answer.body)
        }
        router.get("/vkey") { _, _ in
            Response(type: "text/plain; charset=utf-8", bytes: Array("\(service.verifier.text)\n".utf8))
        }
        router.get("/healthz") { _, _ in Response(type: "text/plain", bytes: Array("ok\n".utf8)) }
        router.get("/metrics") { _, _ in
            Response(type: MetricsPage.contentType, bytes: Self.page(service.counters).text)
        }
        router.get("/{log}/checkpoint") { _, context in
            guard let name = context.parameters.get("log"), let checkpoint = service.checkpoint(named: name) else {
                throw Problem.notFound("this witness has cosigned no checkpoint of such a log")
            }
            return Response(type: "text/plain; charset=utf-8", bytes: checkpoint)
        }
        return router
    }

    private static func page(_ counters: WitnessService.Counters) -> MetricsPage {
        var page = MetricsPage()
        page.counter(
            "wattest_witness_cosigned_total", "Checkpoints cosigned.", [MetricSample(.unsigned(counters.cosigned))])
        page.counter(
            "wattest_witness_refused_total", "Requests refused, by HTTP status.",
            counters.refused.sorted { $0.key < $1.key }.map { status, count in
                MetricSample(["status": "\(status)"], .unsigned(count))
            })
        return page
    }
}
