import Batches
import JSONText
import NIOCore
import NIOHTTP1

/// Asks an aggregator, and turns its problem documents into failures of a command.
struct AggregatorClient: Sendable {
    /// The largest answer that is held in memory as a whole; larger ones are streamed.
    static let heldBytesMax = 256 << 20
    static let pageLimit = 1000

    let exchange: HTTPSExchange
    let token: String

    func get(_ path: String, _ query: [(String, String?)] = []) async throws -> JSONValue {
        try await json(.GET, Self.target(path, query), body: nil)
    }

    func post(_ path: String, _ body: JSONValue) async throws -> JSONValue {
        try await json(.POST, path, body: body.rendered())
    }

    /// Every item of a list, page after page.
    func list(_ path: String) async throws -> [JSONValue] {
        var items: [JSONValue] = []
        var cursor: String?
        repeat {
            let page = try await page(path, limit: Self.pageLimit, after: cursor)
            items += page["items"]?.array ?? []
            let next = page["next"]?.string
            guard next == nil || next != cursor else { throw badReply("its pages go round in a circle") }
            cursor = next
        } while cursor != nil
        return items
    }

    func page(_ path: String, limit: Int, after cursor: String?) async throws -> JSONValue {
        try await get(path, [("limit", "\(limit)"), ("after", cursor)])
    }

    /// Streams the body of a successful answer.
    func stream(
        _ path: String, _ query: [(String, String?)], take: (ByteBufferView) async throws -> Void
    ) async throws {
        var problem: [UInt8] = []
        let request = HTTPSExchange.Request(method: .GET, target: Self.target(path, query), token: token, body: nil)
        let head = try await exchange.send(request) { head, piece in
            if head.status.isSuccess {
                try await take(piece.readableBytesView)
            } else if problem.count < Self.problemBytesMax {
                problem += piece.readableBytesView
            }
        }
        guard head.status.isSuccess else { throw failure(head, problem) }
    }

    private static let problemBytesMax = 1 << 20

    private func json(_ method: HTTPMethod, _ target: String, body: [UInt8]?) async throws -> JSONValue {
        // The list of all would come, and be shown as the one that was asked for.
        let parts = target.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.dropFirst(2).contains("") else { throw CommandFailure.usage("a name is empty", "give one") }
        var bytes: [UInt8] = []
        let request = HTTPSExchange.Request(method: method, target: target, token: token, body: body)
        let head = try await exchange.send(request) { _, piece in
            guard bytes.count + piece.readableBytes <= Self.heldBytesMax else {
                throw badReply("it is larger than \(Self.heldBytesMax >> 20) MiB")
            }
            bytes += piece.readableBytesView
        }
        guard head.status.isSuccess else { throw failure(head, bytes) }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw badReply("it is not JSON: \(error)")
        }
    }

    private func badReply(_ what: String) -> CommandFailure {
        CommandFailure(
            .unavailable, "BAD_REPLY", "the answer cannot be used: \(what), \(exchange.address), check --server")
    }

    /// 5xx and too many requests mean that the aggregator cannot answer now; everything else is its refusal.
    private func failure(_ head: HTTPResponseHead, _ body: [UInt8]) -> CommandFailure {
        let problem = try? JSONValue(parsing: body)
        let isLater = head.status.code >= 500 || head.status == .tooManyRequests
        let code = problem?["code"]?.string ?? "HTTP_\(head.status.code)"
        var message = problem?["detail"]?.string ?? "the aggregator answered \(head.status)"
        switch problem?["candidates"] {
        case .array(let candidates): message += ": " + candidates.compactMap(\.string).joined(separator: " ")
        case .string(let candidates): message += ": \(candidates)"
        default: break
        }
        return CommandFailure(
            isLater ? .unavailable : .refused,
            String(code.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }),
            "\(message), \(exchange.address)\(isLater ? ", try again" : "")")
    }

    // MARK: Targets

    /// `/v1/organizations/{org}` with more parts behind it; each part is encoded here.
    static func path(_ organization: String, _ parts: String...) -> String {
        (["/v1/organizations", encode(organization)] + parts.map(encode)).joined(separator: "/")
    }

    static func target(_ path: String, _ query: [(String, String?)]) -> String {
        let fields = query.compactMap { name, value in value.map { "\(name)=\(encode($0))" } }
        return fields.isEmpty ? path : "\(path)?\(fields.joined(separator: "&"))"
    }

    /// Everything outside the unreserved characters of RFC 3986 section 2.3.
    static func encode(_ text: String) -> String { PercentEncoding.encode(text) }
}

extension HTTPResponseStatus {
    fileprivate var isSuccess: Bool { (200..<300).contains(code) }
}
