import Foundation
import JSONSchemaCheck
import JSONText
import PinnedHTTPS
import Testing
import Yams

extension ClusterTests {
    /// `proto/openapi.yaml` says what the running server answers: each operation is asked, and each answer is of a
    /// documented status and shape.
    @Suite(.timeLimit(.minutes(4))) struct OpenAPI {
        /// One question, with what should come back.
        private struct Question {
            var operation: String
            var path: String
            var body: JSONValue?
            var isAnonymous = false
            var status: Int
        }

        private struct Operation {
            var method: String
            var path: String
            var responses: [String: JSONValue]
        }

        private let document: JSONValue
        private let operations: [String: Operation]
        /// Where references of both documents lead.
        private let definitions: JSONValue

        init() throws {
            let folder = URL(filePath: #filePath).appending(path: "../../../proto").standardized
            document = try Self.json(
                Yams.load(yaml: String(contentsOf: folder.appending(path: "openapi.yaml"), encoding: .utf8)))
            let disclosure = try JSONValue(
                parsing: Array(Data(contentsOf: folder.appending(path: "disclosure.schema.json"))))
            var all = JSONObject()
            for part in [document["components"]?["schemas"], disclosure["$defs"]] {
                for member in try #require(part?.object).members { all.append(member.name, member.value) }
            }
            all.append("disclosure.schema.json", disclosure)
            definitions = ["$defs": .object(all)]
            operations = try Self.operations(document)
        }

        private static func operations(_ document: JSONValue) throws -> [String: Operation] {
            var operations: [String: Operation] = [:]
            for path in try #require(document["paths"]?.object).members {
                for method in path.value.object?.members ?? [] where method.name != "parameters" {
                    let name = try #require(method.value["operationId"]?.string, "\(method.name) \(path.name)")
                    var responses: [String: JSONValue] = [:]
                    for response in try #require(method.value["responses"]?.object).members {
                        let reference = response.value["$ref"]?.string?.split(separator: "/").last.map(String.init)
                        responses[response.name] =
                            reference.flatMap { document["components"]?["responses"]?[$0] } ?? response.value
                    }
                    operations[name] = Operation(method: method.name, path: path.name, responses: responses)
                }
            }
            return operations
        }

        private static func json(_ value: Any?) throws -> JSONValue {
            switch value {
            case let value as Bool: .bool(value)
            case let value as Int: .integer(value)
            case let value as String: .string(value)
            case let value as [Any]: .array(try value.map { try json($0) })
            case let value as [String: Any]: try object(value)
            default: .null
            }
        }

        private static func object(_ value: [String: Any]) throws -> JSONValue {
            var object = JSONObject()
            for (name, member) in value.sorted(by: { $0.key < $1.key }) { object.append(name, try json(member)) }
            return .object(object)
        }

        private func ask(
            _ question: Question, _ token: String, of aggregator: AggregatorUnderTest
        ) async throws -> JSONValue? {
            let operation = try #require(operations[question.operation], "\(question.operation) is not documented")
            let pattern = operation.path.split(separator: "/").map { $0.hasPrefix("{") ? nil : $0 }
            let parts = question.path.split(separator: "?")[0].split(separator: "/")
            #expect(
                zip(pattern, parts).allSatisfy { $0 == nil || $0 == $1 } && pattern.count <= parts.count,
                "\(question.path) is not \(operation.path)")
            let reply = try await aggregator.reply(
                question.path, body: question.body, token: question.isAnonymous ? nil : token)
            let said = String(decoding: reply.body.prefix(400), as: UTF8.self)
            let place: Comment = "\(operation.method) \(question.path): \(reply.status) \(said)"
            #expect(reply.status == question.status, place)
            #expect((operation.method == "get") == (question.body == nil), place)
            let response = try #require(operation.responses["\(reply.status)"], place)
            let type = String((reply.contentType ?? "").prefix { $0 != ";" })
            let content = response["content"]
            guard type.hasSuffix("json") else {
                #expect(content?[type] != nil, place)
                return nil
            }
            let schema = try #require(content?[type]?["schema"], place)
            let value = try JSONValue(parsing: reply.body)
            let faults = JSONSchemaCheck.faults(of: value, by: schema, within: definitions)
            #expect(faults.isEmpty, "\(question.path): \(faults)")
            return value
        }

        private func questions(_ slug: String) -> [Question] {
            inputs(slug, root: "/v1/organizations/\(slug)") + outputs(root: "/v1/organizations/\(slug)")
        }

        private func inputs(_ slug: String, root: String) -> [Question] {
            [
                Question(operation: "health", path: "/healthz", isAnonymous: true, status: 200),
                Question(operation: "readiness", path: "/readyz", isAnonymous: true, status: 200),
                Question(operation: "metrics", path: "/metrics", isAnonymous: true, status: 200),
                Question(
                    operation: "checkpoint", path: "/log/\(slug)/checkpoint", isAnonymous: true, status: 200),
                Question(operation: "checkpoint", path: "/log/nobody/checkpoint", isAnonymous: true, status: 404),
                Question(operation: "tile", path: "/log/\(slug)/tile/x", status: 404),
                Question(operation: "tile", path: "/log/\(slug)/tile/entries/000.p/1", status: 200),
                Question(operation: "enroll", path: "/v1/enroll", body: [:], isAnonymous: true, status: 400),
                Question(operation: "listOrganizations", path: "/v1/organizations", status: 200),
                Question(operation: "listOrganizations", path: "/v1/organizations", isAnonymous: true, status: 401),
                Question(operation: "foundOrganization", path: "/v1/organizations", body: ["name": "X"], status: 403),
                Question(operation: "organization", path: root, status: 200),
                Question(operation: "organization", path: "/v1/organizations/nobody", status: 404),
                Question(operation: "createToken", path: "\(root)/tokens", body: ["kind": "bearer"], status: 201),
                Question(operation: "createToken", path: "\(root)/tokens", body: ["uses": 0], status: 400),
                Question(operation: "createToken", path: "\(root)/tokens", body: ["ttl_seconds": "soon"], status: 400),
                Question(operation: "listNodes", path: "\(root)/nodes", status: 200),
                Question(
                    operation: "revokeNode", path: "\(root)/nodes/nobody/revoke",
                    body: ["last_seq": 0, "reason": "lost"], status: 404),
                Question(
                    operation: "retireNode", path: "\(root)/nodes/nobody/retire", body: ["reason": "gone"],
                    status: 404),
                Question(operation: "changeLogKey", path: "\(root)/log-key", body: ["reason": "x"], status: 403),
                Question(
                    operation: "set", path: "\(root)/settings",
                    body: ["field": "job.class", "subject": "somebody", "value": "final"], status: 201),
                Question(operation: "set", path: "\(root)/settings", body: ["field": "a b", "value": 1], status: 400),
                Question(
                    operation: "set", path: "\(root)/settings", body: ["field": "site.pue", "value": "1.2"],
                    status: 400),
                Question(operation: "listSettings", path: "\(root)/settings?field=job.class", status: 200),
                Question(operation: "listSettings", path: "\(root)/settings", isAnonymous: true, status: 401),
                Question(operation: "importFactors", path: "\(root)/factors", body: ["content": "x"], status: 400),
                Question(
                    operation: "importFactors", path: "\(root)/factors",
                    body: [
                        "declaration": ["provider": "Own", "version": "1", "licence": "CC0-1.0"],
                        "content": "zone,period,g_per_kwh\nX,2024,400\n",
                    ], status: 201),
                Question(operation: "listFactors", path: "\(root)/factors", status: 200),
            ]
        }

        private func outputs(root: String) -> [Question] {
            let period = "from=2024-05-17T04:00:00Z&to=2024-05-17T06:00:00Z"
            let (from, to): (JSONValue, JSONValue) = ("2024-05-17T04:00:00Z", "2024-05-17T06:00:00Z")
            let hours: JSONValue = ["from": from, "to": to]
            // Of another type than documented: not taken for what is left out.
            let listed: JSONValue = ["from": from, "to": to, "audience": ["public"]]
            let unnamed: JSONValue = ["from": from, "to": to, "supersedes": "first"]
            return [
                Question(operation: "proofs", path: "\(root)/proofs?index=0", status: 200),
                Question(operation: "proofs", path: "\(root)/proofs", status: 400),
                Question(operation: "listJobs", path: "\(root)/jobs?limit=1", status: 200),
                Question(operation: "listJobs", path: "\(root)/jobs?limit=0", status: 400),
                Question(operation: "job", path: "\(root)/jobs/spoken", status: 200),
                Question(operation: "job", path: "\(root)/jobs/silent", status: 404),
                Question(operation: "listRuns", path: "\(root)/runs?limit=1", status: 200),
                Question(operation: "listRuns", path: "\(root)/runs?limit=0", status: 400),
                Question(operation: "run", path: "\(root)/runs/spoken", status: 200),
                Question(operation: "run", path: "\(root)/runs/silent", status: 404),
                Question(operation: "previewDisclosure", path: "\(root)/disclosure?\(period)", status: 200),
                Question(operation: "previewDisclosure", path: "\(root)/disclosure?from=now&to=then", status: 400),
                Question(operation: "issueDisclosure", path: "\(root)/disclosures", body: hours, status: 201),
                Question(operation: "issueDisclosure", path: "\(root)/disclosures", body: hours, status: 409),
                Question(operation: "issueDisclosure", path: "\(root)/disclosures", body: ["from": "x"], status: 400),
                Question(
                    operation: "issueDisclosure", path: "\(root)/disclosures",
                    body: listed, status: 400),
                Question(operation: "issueDisclosure", path: "\(root)/disclosures", body: unnamed, status: 400),
                Question(operation: "listDisclosures", path: "\(root)/disclosures", status: 200),
                Question(operation: "issuedDisclosure", path: "\(root)/disclosures/1", status: 200),
                Question(operation: "issuedDisclosure", path: "\(root)/disclosures/99", status: 404),
                Question(operation: "disclosureStatement", path: "\(root)/disclosures/1/statement", status: 200),
                Question(operation: "disclosureStatement", path: "\(root)/disclosures/99/statement", status: 404),
                Question(operation: "correct", path: "\(root)/corrections", body: ["from": "x"], status: 400),
                Question(
                    operation: "correct", path: "\(root)/corrections",
                    body: [
                        "from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z", "from_account": "spoken",
                        "to_account": "unattributed", "microjoules": 5, "reason": "a test run was in it",
                    ], status: 201),
                Question(
                    operation: "correct", path: "\(root)/corrections",
                    body: [
                        "from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z", "from_account": "gap",
                        "to_account": "idle", "reason": "there is none",
                    ], status: 409),
                Question(operation: "listCorrections", path: "\(root)/corrections", status: 200),
                Question(operation: "close", path: "\(root)/closes", body: hours, status: 201),
                Question(operation: "close", path: "\(root)/closes", body: hours, status: 409),
                Question(operation: "close", path: "\(root)/closes", body: ["from": "x"], status: 400),
                Question(operation: "listCloses", path: "\(root)/closes", status: 200),
                Question(operation: "lineage", path: "\(root)/lineage?\(period)", status: 200),
                Question(operation: "lineage", path: "\(root)/lineage?\(period)&figure=energy.it_uj", status: 200),
                Question(operation: "lineage", path: "\(root)/lineage?\(period)&figure=none", status: 404),
                Question(operation: "lineage", path: "\(root)/lineage?\(period)&method=attribution/0", status: 400),
                Question(operation: "sample", path: "\(root)/sample?\(period)&seed=assurer&n=3", status: 200),
                Question(operation: "sample", path: "\(root)/sample?\(period)", status: 400),
                Question(operation: "evidence", path: "\(root)/evidence?\(period)", status: 200),
            ]
        }

        @Test func everyOperationAnswersAsDocumented() async throws {
            let aggregator = try AggregatorUnderTest.current
            let owner = try await aggregator.organization("Documented")
            let run = RecordedRun.acrossAnHour
            try await owner.run(
                OrganizationUnderTest.Import(job: "spoken", files: [run.file("node_1")], expectedNodes: 1))
            let said = try await owner.answer(
                ["job", "classify", "spoken", "--class", "final", "--run", "spoken", "--reason", "said afterwards"])
            #expect(said["items"]?.array?.count == 2)
            var asked: Set<String> = []
            for question in questions(owner.slug) {
                _ = try await ask(question, owner.token, of: aggregator)
                asked.insert(question.operation)
            }
            let silent = Set(operations.keys).subtracting(asked)
            #expect(silent.isEmpty, "never asked: \(silent.sorted())")
        }
    }
}
