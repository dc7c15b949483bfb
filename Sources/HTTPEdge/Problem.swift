// HTTPEdge: what every HTTPS route of the aggregator shares.
//
// TLS, limits, bearer tokens, problem documents, streamed bodies, start and stop. It knows no route and no
// organization.

package import HTTPTypes
package import Hummingbird
import JSONText

/// An error as the client sees it: an RFC 9457 problem document.
package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    package let status: HTTPResponse.Status
    /// A stable word for programs, e.g. `not_found`. The document's `type` is `urn:wattest:problem:` and this word.
    package let code: String
    /// One line for a person: what is wrong and what to do. Holds nothing of another organization.
    package let detail: String
    /// More members of the document, in order; values are text.
    package let extensions: [Extension]

    package struct Extension: Sendable, Hashable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        _ status: HTTPResponse.Status, _ code: String, _ detail: String, extensions: [Extension] = []
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.extensions = extensions
    }

    package var description: String { "\(self.status.code) \(self.code): \(self.detail)" }

    /// The document, JSON.
    package var document: [UInt8] {
        var object = JSONObject()
        object.append("status", .integer(self.status.code))
        let members = [
            ("type", "urn:wattest:problem:\(self.code)"), ("title", self.status.reasonPhrase), ("code", self.code),
            ("detail", self.detail),
        ]
        for (name, value) in members + self.extensions.map({ ($0.name, $0.value) }) {
            object.append(name, .string(value))
        }
        return JSONValue.object(object).rendered() + [UInt8(ascii: "\n")]
    }

    package var response: Response {
        var headers = HTTPFields()
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        if self.status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        if self.status == .methodNotAllowed { headers[.allow] = "GET, HEAD, POST" }
        return Response(
            status: self.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.document)))
    }
}

extension Problem {
    package static let unauthorized = Problem(
        .unauthorized, "unauthorized", "a bearer token is needed: send 'Authorization: Bearer TOKEN'")

    package static func notFound(_ detail: String) -> Problem { Problem(.notFound, "not_found", detail) }
    package static func badRequest(_ detail: String) -> Problem { Problem(.badRequest, "bad_request", detail) }
    package static func forbidden(_ detail: String) -> Problem { Problem(.forbidden, "forbidden", detail) }
    package static func conflict(_ detail: String) -> Problem { Problem(.conflict, "conflict", detail) }

    package static func tooLarge(bytesMax: Int) -> Problem {
        Problem(.contentTooLarge, "too_large", "the request's body is limited to \(bytesMax) bytes")
    }

    package static func unavailable(_ detail: String) -> Problem {
        Problem(.serviceUnavailable, "unavailable", detail)
    }

    /// What is not foreseen. Says nothing of its cause, which is the log's.
    package static let `internal` = Problem(
        .internalServerError, "internal", "the server has failed; its log has the reason under this request's id")
}
