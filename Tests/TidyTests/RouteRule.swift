/// Every route that the aggregator serves stands in `proto/openapi.yaml`, and nothing else does.
struct RouteRule {
    static let document = "proto/openapi.yaml"

    /// `get /v1/organizations/{org}`
    func violations(in files: [SourceFile]) -> [Violation] {
        var served: [String: (path: String, line: Int)] = [:]
        for file in files where file.path.hasPrefix("Sources/Aggregation/Serving/") {
            let call = /router\.(get|post|put|patch|delete)\("([^"]+)"/
            for (number, line) in file.lines.enumerated() {
                guard let match = line.firstMatch(of: call) else { continue }
                // The log's own paths hold slashes, which no parameter of OpenAPI can say.
                let path = match.2.replacing("**", with: "{path}")
                served["\(match.1) \(path)"] = (file.path, number + 1)
            }
        }
        guard let document = files.first(where: { $0.path == Self.document }) else { return [] }
        let written = Self.operations(document)
        let missing = served.filter { written[$0.key] == nil }.map { operation, place in
            Violation(path: place.path, line: place.line, what: "\(operation) is not in \(Self.document)")
        }
        let surplus = written.filter { served[$0.key] == nil }.map { operation, line in
            Violation(path: Self.document, line: line, what: "\(operation) is not served")
        }
        return (missing + surplus).sorted { ($0.path, $0.line) < ($1.path, $1.line) }
    }

    private static func operations(_ document: SourceFile) -> [String: Int] {
        var operations: [String: Int] = [:]
        var path: Substring?
        var isPaths = false
        for (number, line) in document.lines.enumerated() {
            if !line.hasPrefix(" ") {
                path = nil
                isPaths = line == "paths:"
            }
            guard isPaths else { continue }
            if line.hasPrefix("  /"), line.hasSuffix(":") { path = line.dropFirst(2).dropLast() }
            guard let path, let match = line.wholeMatch(of: /[ ]{4}(get|post|put|patch|delete):/) else { continue }
            operations["\(match.1) \(path)"] = number + 1
        }
        return operations
    }
}
