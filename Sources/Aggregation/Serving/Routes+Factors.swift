import Batches
import Disclosure
import Emissions
import Energy
import HTTPEdge
import Hummingbird
import Identity
import JSONText
import Store
import TransparencyLog

/// Grid factors: the file beside the log, its hash and origin in it.
extension Routes {
    func addFactors(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}/factors") { request, context in
            let runtime = try await organization(request, context)
            let settings = try await AccountsReader(runtime).read().accounts.settings
            var items: [JSONValue] = []
            for use in FactorUse.allCases {
                for file in Self.declared(settings, use, at: aggregator.clock.now()) {
                    guard var object = file.object else { continue }
                    object.append("use", .string(use.rawValue))
                    items.append(.object(object))
                }
            }
            return Self.json(["items": .array(items), "next": .null])
        }
        router.post("/v1/organizations/{org}/factors") { request, context in
            let runtime = try await organization(request, context)
            let body = try await Self.body(request, max: FactorFiles.maximumBytes * 2)
            return Self.json(try await importFactors(body, runtime), status: .created)
        }
    }

    /// What a file's factors stand for.
    private enum FactorUse: String, CaseIterable {
        case grid
        case residual

        var field: String { self == .grid ? SettingField.factorSet : SettingField.residualMix }
    }

    private static func declared(_ settings: SettingRegister, _ use: FactorUse, at time: UTCTime) -> [JSONValue] {
        settings.json(use.field, of: nil, at: time)?.array ?? []
    }

    private func importFactors(_ body: JSONValue, _ runtime: LogRuntime) async throws -> JSONValue {
        guard let use = FactorUse(rawValue: body["use"]?.string ?? FactorUse.grid.rawValue) else {
            throw Problem.badRequest("use: one of \(FactorUse.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard let content = body["content"]?.string.map({ Array($0.utf8) }), !content.isEmpty,
            content.count <= FactorFiles.maximumBytes
        else { throw Problem.badRequest("content: the file's text, at most \(FactorFiles.maximumBytes) bytes") }
        let sha256 = MerkleHash.sha256(of: content).hexadecimal
        let checked: (value: JSONValue, file: FactorFile)
        do {
            checked = try FactorDeclaration.checked(
                body["declaration"] ?? [:], sha256: sha256, bytes: content)
        } catch {
            throw Problem.badRequest("the factor file: \(error.message)")
        }
        // The file first: a declaration in the log without its bytes would leave every later report without factors.
        try FactorFiles(runtime).write(content, sha256: sha256)
        let now = aggregator.clock.now()
        let settings = try await AccountsReader(runtime).read().accounts.settings
        // The newest comes first: it is asked before the others for the zones and times that it has.
        let others = Self.declared(settings, use, at: now).filter { $0["sha256"]?.string != sha256 }
        let value = JSONValue.array([checked.value] + others).rendered(.compact)
        guard value.count <= SetEntry.maximumValueBytes else {
            throw Problem.badRequest("the list of factor files has grown beyond one entry; set \(use.field) anew")
        }
        let entry = SetEntry(
            log: runtime.organization.origin, time: now, field: use.field, subject: nil, value: value,
            effectiveFrom: nil, effectiveUntil: nil, by: try Self.text("by", of: body, upTo: 200) ?? "operator",
            reason: try Self.text("reason", of: body, upTo: 500), salt: aggregator.clock.random(16))
        let index = try await runtime.append(entry.text).index
        return [
            "sha256": .string(sha256), "index": .decimalString(index), "use": .string(use.rawValue),
            "factors": .integer(checked.file.factors.count),
            "zones": .integer(Set(checked.file.factors.map(\.zone)).count),
            "skipped": .integer(checked.file.skipped.count),
        ]
    }
}

/// Factor files of one log, by content: `factors/SHA256` beside its tiles.
struct FactorFiles {
    /// A year of hours for some hundred zones.
    static let maximumBytes = 32 << 20

    private let directory: String

    init(_ runtime: LogRuntime) { directory = "\(runtime.directory)/factors" }

    func write(_ bytes: [UInt8], sha256: String) throws {
        try DirectoryTree.make(directory)
        try PrivateFile.write(bytes, to: "\(directory)/\(sha256)")
    }

    /// The files that settings name and that are at hand; a report says of the others that they are not.
    func read(_ settings: SettingRegister) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for sha256 in settings.factorFiles where Hexadecimal.decode(sha256)?.count == 32 {
            guard let bytes = try? PrivateFile.read("\(directory)/\(sha256)"),
                MerkleHash.sha256(of: bytes).hexadecimal == sha256
            else { continue }
            files[sha256] = bytes
        }
        return files
    }
}
