import AsyncHTTPClient
import Emissions
import Energy
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing

@testable import wattest

/// A provider on the loopback interface that answers from a file of exchanges, in their order, and nothing else.
final class ReplayedProvider: Sendable {
    struct Exchange {
        var target = ""
        var headers: [(name: String, value: String)] = []
        var status = 200
        var answerHeaders: [(name: String, value: String)] = []
        var body = ""
    }

    private let exchanges: [Exchange]
    private let position = Mutex(0)

    init(_ name: String) throws {
        let directory = #filePath.dropLast("/ReplayedProvider.swift".utf8.count)
        let text = String(
            decoding: try Data(contentsOf: URL(filePath: "\(directory)/Fixtures/providers/\(name).http")),
            as: UTF8.self)
        exchanges = text.components("=====\n").map(Self.exchange)
    }

    var isExhausted: Bool { position.withLock { $0 } == exchanges.count }

    private static func exchange(_ text: String) -> Exchange {
        var exchange = Exchange()
        let parts = text.components("\n\n")
        for line in parts[0].split(separator: "\n") {
            let field = line.dropFirst(2)
            let isRequest = line.hasPrefix(">")
            if field.hasPrefix("GET ") {
                exchange.target = String(field.dropFirst(4))
            } else if let colon = field.firstIndex(of: ":") {
                let header = (String(field[..<colon]), String(field[colon...].dropFirst(2)))
                if isRequest { exchange.headers.append(header) } else { exchange.answerHeaders.append(header) }
            } else {
                exchange.status = Int(field) ?? 0
            }
        }
        exchange.body = parts.dropFirst().joined(separator: "\n\n")
        return exchange
    }

    private func answer(_ request: Request) -> Response {
        let index = position.withLock { position in
            defer { position += 1 }
            return position
        }
        guard index < exchanges.count else { return Response(status: .notImplemented) }
        let exchange = exchanges[index]
        #expect(request.uri.string == exchange.target)
        for header in exchange.headers {
            #expect(HTTPField.Name(header.name).flatMap { request.headers[$0] } == header.value)
        }
        var headers = HTTPFields()
        for header in exchange.answerHeaders {
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        return Response(
            status: .init(code: exchange.status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(string: exchange.body)))
    }

    /// Runs `body` with the address of the provider.
    func serve<Result: Sendable>(_ body: @Sendable @escaping (String) async throws -> Result) async throws -> Result {
        let (ports, running) = AsyncStream.makeStream(of: Int.self)
        let router = Router()
        router.get("**") { request, _ in self.answer(request) }
        var logger = Logger(label: "provider")
        logger.logLevel = .critical
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in running.yield(channel.localAddress?.port ?? 0) }, logger: logger)
        let services = ServiceGroup(services: [application], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { running.finish() }
                try await services.run()
            }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(try await body("http://127.0.0.1:\(port)"))
            } catch {
                outcome = .failure(error)
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            return try outcome.get()
        }
    }

    /// What a fetch makes of the exchanges, and the pauses that it took.
    func fetch(
        _ query: FactorQuery, secret: String? = "secret"
    ) async throws -> (outcome: FactorFetchRun.Outcome, pauses: [Int64]) {
        try await serve { address in
            let client = ProviderExchange.client()
            let pauses = Pauses()
            do {
                let run = FactorFetchRun(
                    query: query, exchange: try ProviderExchange(client, base: address, secret: secret),
                    now: { UTCTime(civil: "2024-12-01T00:00:00Z") ?? UTCTime(hour: 0) },
                    pause: { seconds in pauses.add(seconds) })
                let outcome = try await run.outcome()
                try await client.shutdown()
                return (outcome, pauses.all)
            } catch {
                try await client.shutdown()
                throw error
            }
        }
    }
}

private final class Pauses: Sendable {
    private let seconds = Mutex<[Int64]>([])

    func add(_ value: Int64) { seconds.withLock { $0.append(value) } }
    var all: [Int64] { seconds.withLock { $0 } }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
