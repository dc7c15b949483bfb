import Foundation
import HTTPTypes
import HummingbirdCore
import Testing

@testable import HTTPEdge

@Suite struct ProblemTests {
    @Test func documentIsJSONWhateverItsText() throws {
        let detail = "quote \" backslash \\ line\nfeed tab\t bell \u{7} é 🙂"
        let problem = Problem(
            .conflict, "conflict", detail, extensions: [Problem.Extension(name: "refusal", value: "CHAIN_FORK")])
        let object = try JSONSerialization.jsonObject(with: Data(problem.document)) as? [String: Any]
        let document = try #require(object)
        #expect(document["status"] as? Int == 409)
        #expect(document["type"] as? String == "urn:wattest:problem:conflict")
        #expect(document["title"] as? String == "Conflict")
        #expect(document["code"] as? String == "conflict")
        #expect(document["detail"] as? String == detail)
        #expect(document["refusal"] as? String == "CHAIN_FORK")
        #expect(problem.response.headers[.contentType] == "application/problem+json")
    }

    @Test func unauthorizedNamesTheScheme() {
        #expect(Problem.unauthorized.response.headers[.wwwAuthenticate] == "Bearer")
    }
}

@Suite struct BearerTokenTests {
    private func token(_ values: String...) throws -> String? {
        var headers = HTTPFields()
        headers[values: .authorization] = values
        return try BearerToken(headers)?.secret
    }

    @Test func tokenIsTaken() throws {
        #expect(try self.token("Bearer abc-DEF_1.2~3+4/5==") == "abc-DEF_1.2~3+4/5==")
        #expect(try self.token("bearer   abc") == "abc")
        let none = try BearerToken(HTTPFields())
        #expect(none?.secret == nil)
    }

    @Test(arguments: [
        "", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b", "Bearer a\u{e9}",
        "Bearer " + String(repeating: "a", count: 4_097),
    ])
    func anythingElseIsRefused(_ value: String) {
        let error = #expect(throws: Problem.self) { try self.token(value) }
        #expect(error?.status == .badRequest)
    }

    @Test func twoTokensAreRefused() {
        #expect(throws: Problem.self) { try self.token("Bearer a", "Bearer b") }
    }

    @Test func secretIsNotPrinted() throws {
        var headers = HTTPFields()
        headers[.authorization] = "Bearer topsecret"
        let token = try #require(try BearerToken(headers))
        #expect(!"\(token) \(String(reflecting: token))".contains("topsecret"))
        var dumped = ""
        dump(token, to: &dumped)
        #expect(!dumped.contains("topsecret"))
    }
}
