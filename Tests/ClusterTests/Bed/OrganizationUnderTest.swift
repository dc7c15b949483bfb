import Batches
import Foundation
import Identity
import JSONText
import NodeAgent
import Testing
import TransparencyLog

/// One organization of the aggregator, as its operator sees it.
struct OrganizationUnderTest: Sendable {
    let aggregator: AggregatorUnderTest
    let slug: String
    let origin: String
    let token: String
    let tokenFile: String
    /// For what belongs to it alone: tokens, identities, bundles.
    let directory: String

    var policy: String { "\(directory)/policy.txt" }

    /// `wattest` with these arguments, as this organization.
    func wattest(_ arguments: [String]) throws -> ChildProcess {
        try ChildProcess(
            .wattest, arguments,
            environment: [
                "WATTEST_SERVER": "https://\(try aggregator.addresses.server)", "WATTEST_TOKEN_FILE": tokenFile,
                "WATTEST_CA_FILE": "\(aggregator.installation)/ca.pem", "WATTEST_ORG": slug,
            ], directory: aggregator.directory.path)
    }

    func answer(_ arguments: [String]) async throws -> JSONValue {
        let output = try await wattest(arguments + ["--json"]).output()
        try #require(output.status == 0, "\(arguments): \(output.errors)")
        return try JSONValue(parsing: Array(output.text.utf8))
    }

    // MARK: Imports

    /// How a set of files is imported.
    struct Import: Sendable {
        var job: String
        var files: [String]
        var start: String?
        var stop: String?
        var expectedNodes: Int? = 8
        var integration = "trapezoid"
        var node: String?
        /// Each has an identity of its own, as a machine has.
        var machine = "m1"

        var arguments: [String] {
            var arguments = ["import", "--format", "mlperf", "--cluster", "test", "--job", job]
            arguments += ["--integration", integration]
            if let start { arguments += ["--start", start] }
            if let stop { arguments += ["--stop", stop] }
            if let expectedNodes { arguments += ["--expect-nodes", "\(expectedNodes)"] }
            if let node { arguments += ["--node", node] }
            return arguments
        }
    }

    /// What the program says of one file.
    struct Imported: Sendable, Hashable {
        var node: String
        var energyMicrojoules: Int64
        var unattributedMicrojoules: Int64
        var alreadyImported: Bool
    }

    func start(_ wanted: Import) throws -> ChildProcess {
        try wattest(wanted.arguments + ["--state-dir", "\(directory)/\(wanted.machine)", "--json"] + wanted.files)
    }

    @discardableResult
    func run(_ wanted: Import) async throws -> [Imported] {
        try Self.imported(try await start(wanted).output(seconds: 90))
    }

    static func imported(_ output: ChildProcess.Output) throws -> [Imported] {
        try #require(output.status == 0, "\(output.errors)")
        let nodes = try #require(try JSONValue(parsing: Array(output.text.utf8))["nodes"]?.array)
        return try nodes.map { node in
            Imported(
                node: try #require(node["node"]?.string),
                energyMicrojoules: try #require(node["energy_uj"]?.decimalString),
                unattributedMicrojoules: try #require(node["unattributed_uj"]?.decimalString),
                alreadyImported: try #require(node["already_imported"]?.bool as Bool?))
        }
    }

    // MARK: Answers

    func job(_ name: String) async throws -> JobAnswer {
        try JobAnswer(try await answer(["job", "show", name]))
    }

    /// Entries of the log.
    func size() async throws -> Int64 {
        let about = try await aggregator.get("/v1/organizations/\(slug)", token: token)
        return try #require(about["size"]?.decimalString)
    }

    /// The disclosure of a period of whole hours.
    func disclosure(from: String, to: String) async throws -> JSONValue {
        try await aggregator.get(
            "/v1/organizations/\(slug)/disclosure?from=\(from)&to=\(to)&audience=assurer&format=json", token: token)
    }

    // MARK: Evidence

    func evidence(from: String, to: String, as name: String = "bundle") async throws -> String {
        let bundle = "\(directory)/\(name)"
        _ = try await answer(["evidence", "export", "--from", from, "--to", to, "--samples", "-o", bundle])
        return bundle
    }

    func audit(_ bundle: String) async throws -> ChildProcess.Output {
        try await ChildProcess(
            .audit, ["verify", bundle, "--policy", policy, "--json"], directory: aggregator.directory.path
        ).output()
    }

    // MARK: Nodes

    /// Enrols a node as its agent does, with an identity in a directory of its own.
    func enrol(_ node: String, in place: String? = nil) async throws -> Enrolment {
        let join = try await aggregator.post(
            "/v1/organizations/\(slug)/tokens", ["uses": 1, "ttl_seconds": 600, "kind": "join"], token: token)
        let request = EnrolmentRequest(
            server: "https://\(try aggregator.addresses.server)",
            authoritySHA256: Hexadecimal.encode(try aggregator.authority.sha256),
            token: try #require(join["token"]?.string), node: node, role: .node,
            directory: "\(directory)/node-\(place ?? node)")
        return try await request.run(
            now: AgentEnvironment.unixSeconds, seed: AgentEnvironment.randomBytes(32)
        ).enrolment
    }
}

/// What the aggregator says of a job.
struct JobAnswer: Sendable {
    struct Node: Sendable, Hashable {
        var energyMicrojoules: Int64?
        var measuredMilliseconds: Int64
        var bridgedMilliseconds: Int64
        var missingMilliseconds: Int64
        var kind: String
    }

    let energyMicrojoules: Int64
    /// Of nodes and of sources, such as a switch.
    let nodes: [String: Node]
    let nodesReporting: Int64
    let isLowerBound: Bool
    let flags: [String]
    let byProvenance: [String: Int64]
    let byBoundary: [String: Int64]

    init(_ json: JSONValue) throws {
        energyMicrojoules = try #require(json["energy_uj"]?.decimalString)
        nodesReporting = try #require(json["nodes_reporting"]?.int64)
        isLowerBound = try #require(json["lower_bound"]?.bool as Bool?)
        flags = try #require(json["flags"]?.array).compactMap(\.string)
        byProvenance = try Self.figures(json["by_provenance"])
        byBoundary = try Self.figures(json["by_boundary"])
        var nodes: [String: Node] = [:]
        for node in try #require(json["by_node"]?.array) {
            nodes[try #require(node["node"]?.string)] = Node(
                energyMicrojoules: node["energy_uj"]?.decimalString,
                measuredMilliseconds: try #require(node["measured_ms"]?.decimalString),
                bridgedMilliseconds: try #require(node["bridged_ms"]?.decimalString),
                missingMilliseconds: try #require(node["missing_ms"]?.decimalString),
                kind: try #require(node["kind"]?.string))
        }
        self.nodes = nodes
    }

    private static func figures(_ json: JSONValue?) throws -> [String: Int64] {
        var figures: [String: Int64] = [:]
        for member in try #require(json?.object).members { figures[member.name] = member.value.decimalString }
        return figures
    }

    /// Energy of each node, sources left out.
    var energies: [String: Int64] {
        nodes.filter { $0.value.kind == "node" }.compactMapValues(\.energyMicrojoules)
    }
}
